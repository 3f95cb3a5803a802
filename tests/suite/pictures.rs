//! The pictures in the docs: `make pictures` takes them of the demo as it is, in a real browser.

use std::path::Path;
use std::time::Duration;

use tributary::demo::{Demo, Story, configuration};

use crate::browser::{Browser, Look};
use crate::page::{DARK, PHONE, WIDE};
use crate::real_parts::wait_for;

/// A name, how it is looked at, where, what has to be there, and what is done before.
const PICTURES: [(&str, Look, &str, &str, &str); 7] = [
    ("overview", TALL, "", LINES, ""),
    ("overview-dark", Look { dark: true, ..TALL }, "", LINES, ""),
    ("attribution", WIDE, "view=attribution&metric=revenue", "document.querySelector('.matrix tbody tr')", ""),
    (
        "conversions",
        WIDE,
        "view=attribution&metric=won_deals",
        "document.querySelectorAll('.models button.behind').length > 20",
        "[...document.querySelectorAll('.models tbody tr')].at(1).querySelector('td:nth-child(4) button').click()",
    ),
    ("journeys", WIDE, "view=journeys&stage=opportunity&window=all", "document.querySelector('.flow path')", ""),
    ("funnel", DARK, "view=funnel&window=1mo", "document.querySelectorAll('.stages .behind').length > 5", ""),
    ("phone", PHONE, "", LINES, ""),
];
/// The past comes row by row.
const LINES: &str = "document.querySelectorAll('.tile .spark .line').length === 10 && \
    document.querySelectorAll('#sources li').length > 9 && document.querySelector('.headline')";
const TALL: Look = Look { width: 1280, height: 1120, dark: false };
/// Large files make a clone slow.
const MOST_BYTES: usize = 200_000;

#[test]
#[ignore = "writes into the project: make pictures"]
fn pictures_for_the_docs() {
    let config = configuration("127.0.0.1:0".parse().unwrap()).unwrap();
    let demo = Demo::start(&config, Story { seed: 1, leads: 4000, days: 90, speed: 1800 }).unwrap();
    wait_for("the first number", Duration::from_secs(60), || demo.has_numbers().then_some(()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, look, query, filled, act) in PICTURES {
        let browser = Browser::start(look);
        let caught_up = "document.querySelector('#notice')?.hidden && document.querySelector('#connection.live')";
        browser.open(&format!("http://{}/?{query}", demo.address()));
        wait_for("the past", Duration::from_secs(300), || {
            let is_there = browser.eval(&format!("Boolean({caught_up} && {filled})"));
            (is_there == true).then_some(())
        });
        if !act.is_empty() {
            browser.eval(act);
            browser.wait_for("document.querySelector('.conversions li')");
        }
        // Numbers that have just changed are framed for a moment.
        std::thread::sleep(Duration::from_millis(1500));
        let picture = browser.view();
        assert!(picture.len() < MOST_BYTES, "{name}: {} bytes", picture.len());
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
    demo.stop();
}
