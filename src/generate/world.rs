//! Who lives in a history: companies and the people who work there. Fixed from the start, a few words each; what happens
//! to them is the agenda's.

use super::draw::Draw;
use super::record::{Account, Pairs};
use super::source::Source;

pub const INDUSTRIES: [&str; 6] = ["software", "finance", "manufacturing", "retail", "healthcare", "energy"];
pub const SIZES: [&str; 4] = ["1-50", "51-200", "201-1000", "1000+"];
const TITLES: [&str; 8] = [
    "VP Marketing",
    "Head of Demand Generation",
    "Chief Revenue Officer",
    "Marketing Operations Manager",
    "Growth Lead",
    "Data Analyst",
    "Consultant",
    "Student",
];
const REGIONS: [&str; 4] = ["na", "emea", "apac", "latam"];
const BUDGETS: [&str; 4] = ["1000", "10000", "50000", "120000"];
const INTENTS: [&str; 3] = ["learn", "compare", "buy"];
const TIMELINES: [&str; 3] = ["now", "this quarter", "this year"];
const SEATS: [&str; 4] = ["5", "25", "100", "500"];
const COMPANIES: [&str; 10] =
    ["Northwind", "Acme", "Globex", "Initech", "Umbra", "Hooli", "Stark", "Wayne", "Tyrell", "Cyberdyne"];
const GIVEN: [&str; 12] = ["ann", "bo", "chen", "dara", "eva", "felix", "gita", "hana", "ivo", "june", "kai", "lena"];
const FAMILY: [&str; 10] = ["li", "meyer", "novak", "okafor", "patel", "quist", "rossi", "silva", "tanaka", "weber"];

pub struct Company {
    pub id: String,
    name: String,
    pub size: u8,
    industry: u8,
    pub is_target: bool,
    is_customer: bool,
    buying_unit: u32,
}

impl Company {
    fn new(draw: &mut Draw, number: usize) -> Self {
        Self {
            id: format!("acc-{number:05}"),
            name: format!("{} {number}", draw.pick(&COMPANIES)),
            size: draw.weighted([3, 4, 3, 2].into_iter()) as u8,
            industry: draw.below(INDUSTRIES.len() as u32) as u8,
            is_target: draw.percent(35),
            is_customer: draw.percent(6),
            buying_unit: 2 + draw.below(9),
        }
    }

    pub fn record(&self, won: bool) -> Account<'_> {
        Account {
            account_id: &self.id,
            is_target: self.is_target,
            is_customer: self.is_customer || won,
            name: Some(&self.name),
            // Some are not yet researched.
            buying_unit_size: (self.buying_unit > 2).then_some(self.buying_unit),
            industry: Some(INDUSTRIES[self.industry as usize]),
            company_size: Some(SIZES[self.size as usize]),
            tier: self.is_target.then_some(if self.size >= 2 { "strategic" } else { "growth" }),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Comes by itself, unknown until a form is sent.
    Inbound,
    /// On the outbound mailing list from the start: a known person, not yet a lead.
    Prospect,
    /// Scanned at a trade show and imported into the CRM.
    Import,
}

pub struct Person {
    pub lead_id: String,
    /// None: a private address.
    pub company: Option<u32>,
    pub source: u8,
    pub entry: Entry,
    pub devices: u32,
    /// Uses the first device of the person before.
    pub shares: bool,
    pub is_test: bool,
    pub in_variant: bool,
    /// Percent of qualified leads like this one that go on, more or less.
    pub fit: u8,
    title: u8,
    region: u8,
    budget: u8,
    intent: u8,
}

pub struct World {
    pub companies: Vec<Company>,
    pub people: Vec<Person>,
}

impl World {
    pub fn new(draw: &mut Draw, leads: u32) -> Self {
        let companies: Vec<_> = (0..leads as usize / 3 + 2).map(|number| Company::new(draw, number)).collect();
        let people = (0..leads).map(|number| person(draw, number, companies.len() as u32)).collect();
        Self { companies, people }
    }

    pub fn company(&self, person: u32) -> Option<&Company> {
        self.people[person as usize].company.map(|company| &self.companies[company as usize])
    }

    /// A device of the person: cookie ids are opaque, but the same ones every time.
    pub fn device(&self, person: u32, device: u32) -> String {
        let owner = if self.people[person as usize].shares && device == 0 { person.saturating_sub(1) } else { person };
        format!("v-{:06x}-{device}", owner.wrapping_mul(0x9E_3779) & 0xFF_FFFF ^ owner >> 24)
    }

    /// Somebody else of the same company, to take a deal over.
    pub fn colleague(&self, person: u32) -> Option<u32> {
        let company = self.people[person as usize].company?;
        let around = person.saturating_sub(3000)..(person + 3000).min(self.people.len() as u32);
        around.into_iter().find(|&other| other != person && self.people[other as usize].company == Some(company))
    }

    pub fn answers<'a>(&self, person: u32) -> Pairs<'a> {
        let lead = &self.people[person as usize];
        let mut answers = Pairs::default();
        if let Some(company) = self.company(person) {
            answers.0.push(("industry", INDUSTRIES[company.industry as usize]));
            answers.0.push(("company_size", SIZES[company.size as usize]));
        }
        answers.0.push(("title", TITLES[lead.title as usize]));
        answers.0.push(("region", REGIONS[lead.region as usize]));
        answers.0.push(("budget", BUDGETS[lead.budget as usize]));
        answers.0.push(("intent", INTENTS[lead.intent as usize]));
        if lead.is_test {
            answers.0.push(("phone", "0000000"));
        }
        answers
    }

    /// What only the longer forms ask.
    pub fn detailed_answers<'a>(&self, person: u32) -> Pairs<'a> {
        let lead = &self.people[person as usize];
        let mut answers = self.answers(person);
        answers.0.push(("seats", SEATS[lead.budget as usize]));
        answers.0.push(("timeline", TIMELINES[lead.intent as usize]));
        answers
    }
}

fn person(draw: &mut Draw, number: u32, companies: u32) -> Person {
    let is_test = draw.percent(2);
    let company = (!is_test && draw.percent(90)).then(|| {
        // Colleagues come one after the other, so that buying units meet in a history of any size.
        let spread = 1 + companies / 20;
        (number / 3 + draw.below(spread)) % companies
    });
    let (given, family) = (draw.pick(&GIVEN), draw.pick(&FAMILY));
    // Some tests give themselves away by their address, others only by their telephone number.
    let host = match (is_test && number.is_multiple_of(2), company) {
        (true, _) => "test.example".to_owned(),
        (false, Some(company)) => format!("company{company}.example"),
        (false, None) => "gmail.com".to_owned(),
    };
    let entry = match draw.below(100) {
        0..14 => Entry::Prospect,
        14..20 => Entry::Import,
        _ => Entry::Inbound,
    };
    let source = Source::first(draw);
    Person {
        lead_id: format!("{given}.{family}{number}@{host}"),
        company,
        source,
        entry: if is_test { Entry::Inbound } else { entry },
        devices: 1 + draw.weighted([6, 3, 1].into_iter()) as u32,
        shares: number > 0 && draw.percent(3),
        is_test,
        in_variant: draw.percent(50),
        fit: 30 + draw.below(60) as u8,
        title: draw.below(TITLES.len() as u32) as u8,
        region: draw.below(4) as u8,
        budget: draw.below(4) as u8,
        intent: draw.below(3) as u8,
    }
}
