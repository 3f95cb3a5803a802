//! A row as it is published: its identity and what it says. Rows come out of the rollup; what becomes of them is for
//! `publish` to decide.

use std::sync::Arc;

use crate::kpi::number::Number;
use crate::model::time::Millis;
use crate::model::window::WindowKind;

/// What names a row. Sorted by it, rows of a KPI stand together, by window and time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    pub kpi: Arc<str>,
    pub window: WindowKind,
    /// None for `all` and `now`.
    pub start: Option<Millis>,
    pub dims: Dims,
}

/// The dimensions of a row, by name: shared by the rows of all windows.
pub type Dims = Arc<[(&'static str, Arc<str>)]>;

#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: RowId,
    pub unit: Arc<str>,
    /// Of amounts of money: the reporting currency.
    pub currency: Option<Arc<str>>,
    pub end: Option<Millis>,
    pub says: Says,
    pub watermark: Millis,
    pub updated_at: Millis,
}

/// The numbers of a row.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Says {
    /// None where it is not defined.
    pub value: Option<Number>,
    pub numerator: Option<Number>,
    pub denominator: Option<Number>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub previous: Option<Number>,
    pub change: Option<f64>,
    pub benchmark: Option<Number>,
    pub last: bool,
}

/// What became of a row. It is shared with whoever shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum RowChange {
    Says(Arc<Row>),
    Gone(RowId),
}

impl RowChange {
    #[must_use]
    pub fn id(&self) -> &RowId {
        match self {
            Self::Says(row) => &row.id,
            Self::Gone(id) => id,
        }
    }

    /// None: it is gone.
    #[must_use]
    pub const fn row(&self) -> Option<&Arc<Row>> {
        match self {
            Self::Says(row) => Some(row),
            Self::Gone(_) => None,
        }
    }
}
