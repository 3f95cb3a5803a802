//! The simulated deployment: a log in memory, whoever feeds its inputs, and a few instances that are stepped in any
//! order while they crash, stand still, stop and start. One thread, and no time but the log's.

use std::sync::Arc;
use std::time::Duration;

use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tributary::config::Config;
use tributary::generate::Produced;
use tributary::model::event::Topic;
use tributary::model::time::{Millis, Span};
use tributary::runtime::instance::{Finish, Instance, Roles, Watch};
use tributary::runtime::line::Line;
use tributary::runtime::log::{Log as _, Outgoing, Partition, Writer as _};
use tributary::runtime::memory_log::{MemoryLog, MemoryWriter, Patience};
use tributary::runtime::settings::Settings;
use tributary::runtime::showing::Published;
use tributary::runtime::site::Site;
use tributary::runtime::topics::{Names, wanted};
use tributary::shards::Shard;
use tributary::telemetry::metrics::Metrics;

use super::plan::{Plan, Theme};
use super::weather::Sky;

/// A member that does not poll for so long is out.
const POLL: Span = Span(8000);

pub struct World {
    pub plan: Plan,
    pub log: MemoryLog,
    pub sky: Sky,
    pub names: Names,
    /// What was produced: where to, and the record.
    pub inputs: Vec<(Partition, i64, Produced)>,
    pub trimmed: Vec<(Partition, i64)>,
    pub trace: Vec<String>,
    pub chance: ChaCha8Rng,
    feeder: MemoryWriter,
    fed: usize,
    /// Whether spend is produced first, and all else when that is read.
    spend_is_waited_for: bool,
    runners: Vec<Runner>,
    started: u32,
    /// What the theme does at which time, once.
    turn: Millis,
    turns: u32,
}

struct Runner {
    name: String,
    instance: Instance<MemoryLog, Line>,
    /// Stands still until then.
    stands_until: Option<Millis>,
    stopping: bool,
    /// Only reads the inputs, by another configuration, until then.
    foreign_until: Option<Millis>,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let sky = Sky::new(plan.seed, plan.rarity);
        let poll = if plan.theme == Theme::Standstill { Span(120_000) } else { POLL };
        let patience = Patience { session: Span(3000), poll, transaction: Span(15_000) };
        let log = MemoryLog::new(plan.start, patience, Box::new(sky.clone()));
        let names = Names::new(&plan.config, &plan.config.fold_hash());
        let mut topics = wanted(&plan.config, &names);
        for topic in topics.iter_mut().filter(|topic| names.input(&topic.name).is_some()) {
            topic.partitions = plan.partitions;
        }
        log.create(&topics).expect("topics");
        let feeder = log.writer().expect("a writer");
        let chance = ChaCha8Rng::seed_from_u64(plan.seed ^ 0x0D0_0DAD);
        let turn = plan.start + Span((plan.produced - plan.start).0 / 4);
        let mut world = Self {
            log,
            sky,
            names,
            inputs: Vec::new(),
            trimmed: Vec::new(),
            trace: Vec::new(),
            chance,
            feeder,
            fed: 0,
            spend_is_waited_for: plan.theme != Theme::Lulls,
            runners: Vec::new(),
            started: 0,
            turn,
            turns: 0,
            plan,
        };
        (0..world.plan.instances).for_each(|_| world.start());
        world
    }

    pub fn now(&self) -> Millis {
        self.log.now()
    }

    pub fn say(&mut self, what: &str) {
        let line = format!("{:>8} {what}", (self.now() - self.plan.start).0);
        self.trace.push(line);
    }

    pub fn is_fed(&self) -> bool {
        self.fed == self.plan.feed.len()
    }

    /// A while passes, everybody does something, and something goes wrong.
    pub fn round(&mut self) {
        self.log.advance(self.now() + Span(self.chance.random_range(5..=150)));
        self.feed();
        self.step_some(0.75);
        self.take_turn();
        self.upset();
    }

    /// A round in which nothing goes wrong.
    pub fn calm_round(&mut self, span: Span) {
        self.log.advance(self.now() + span);
        self.step_some(1.0);
    }

    /// Nothing goes wrong any more, and everybody is there.
    pub fn calm(&mut self) {
        self.say("it is calm");
        self.sky.lock().calm = true;
        self.sky.lock().evict = None;
        self.runners.iter_mut().for_each(|runner| runner.stands_until = None);
        if self.runners.iter().all(|runner| runner.stopping || runner.foreign_until.is_some()) {
            self.start();
        }
    }

    fn start(&mut self) {
        let config = Arc::clone(&self.plan.config);
        let instance = self.instance(&config, Roles::ALL);
        self.enter(instance, None);
    }

    fn instance(&mut self, config: &Arc<Config>, roles: Roles) -> Instance<MemoryLog, Line> {
        self.started += 1;
        let parts = Arc::new(Line::new(Arc::clone(config)).expect("a line"));
        let (log, name) = (Arc::new(self.log.clone()), format!("i{}", self.started));
        let mut settings = Settings::new(config);
        // Small, so that what is told in several records is what is disturbed.
        settings.limits.partials_bytes = 1000;
        let site = Site::new(log, parts, self.names.clone(), settings, name);
        let workers = self.chance.random_range(1..=2);
        let view = Published { board: Arc::default(), metrics: Arc::new(Metrics::new()) };
        Instance::new(Arc::new(site), roles, workers, Arc::new(view))
    }

    fn enter(&mut self, instance: Instance<MemoryLog, Line>, foreign_until: Option<Millis>) {
        let name = format!("i{}", self.started);
        self.say(&format!("{name} starts"));
        self.runners.push(Runner { name, instance, stands_until: None, stopping: false, foreign_until });
    }

    fn feed(&mut self) {
        let now = self.now();
        let calm = std::mem::replace(&mut self.sky.lock().calm, true);
        while let Some((_, record)) = self.plan.feed.get(self.fed).filter(|(due, _)| *due <= now) {
            let record = record.clone();
            let waits = self.spend_is_waited_for && record.topic != Topic::Spend;
            if waits && !super::checks::is_ingested(self) {
                break;
            }
            self.spend_is_waited_for &= !waits;
            let topic: Arc<str> = self.name_of(record.topic);
            let count = self.log.partitions(&topic).expect("partitions").expect("a topic");
            // An account's records keep their order; all others may come anywhere.
            let number = match (&record.key, record.topic) {
                (Some(key), Topic::Accounts) => {
                    key.bytes().map(i32::from).sum::<i32>() % i32::from(self.plan.partitions)
                }
                _ => self.chance.random_range(0..count),
            };
            let partition = Partition { topic, number };
            let offset = self.log.bounds(&partition).expect("a partition").1;
            let (key, value) = (record.key.clone().map(String::into_bytes), record.value.clone());
            let headers = vec![("origin".to_owned(), Some(b"simulation".to_vec()))];
            let timestamp = Some(record.timestamp);
            let outgoing = Outgoing { partition: partition.clone(), timestamp, key, value, headers };
            self.feeder.send(self.fed as u64, outgoing).expect("sent").expect("there is room");
            self.inputs.push((partition, offset, record));
            self.fed += 1;
        }
        self.feeder.poll(Duration::ZERO, &mut |_, outcome| assert!(outcome.is_ok())).expect("polls");
        self.sky.lock().calm = calm;
    }

    pub fn name_of(&self, topic: Topic) -> Arc<str> {
        self.names.inputs.iter().find(|(of, _)| *of == topic).map(|(_, name)| Arc::clone(name)).expect("an input")
    }

    fn step_some(&mut self, share: f64) {
        let now = self.now();
        self.runners.shuffle(&mut self.chance);
        let mut gone = Vec::new();
        for (at, runner) in self.runners.iter_mut().enumerate() {
            let stands = runner.stands_until.is_some_and(|until| now < until);
            if stands || !self.chance.random_bool(share) {
                continue;
            }
            runner.stands_until = None;
            if runner.stopping {
                let finish = runner.instance.finish(now).unwrap_or_else(|error| panic!("{}: {error}", runner.name));
                if finish == Finish::Done {
                    gone.push(at);
                }
            } else {
                runner.instance.step(now).unwrap_or_else(|error| panic!("{}: {error}", runner.name));
            }
            if runner.foreign_until.is_some_and(|until| until <= now) {
                gone.push(at);
            }
        }
        for at in gone.into_iter().rev() {
            let runner = self.runners.swap_remove(at);
            self.say(&format!("{} has stopped", runner.name));
            if runner.stopping {
                self.sky.note("a graceful stop");
                runner.instance.leave(Duration::ZERO).expect("leaves");
            }
        }
    }

    /// Crashes, zombies, stops and starts.
    fn upset(&mut self) {
        let at = self.chance.random_range(0..self.runners.len().max(1));
        match self.chance.random_range(0..400) {
            0 | 1 if at < self.runners.len() => self.crash(at),
            2 | 3 if at < self.runners.len() && self.plan.theme != Theme::Standstill => self.stand_still(at),
            4 if at < self.runners.len() && self.runners[at].foreign_until.is_none() => {
                self.say("a graceful stop begins");
                self.runners[at].stopping = true;
            }
            5 => self.mislead(),
            6 => super::damage::damage_snapshot(self, at),
            7 if self.runners.len() < 4 => self.start(),
            _ if self.runners.is_empty() => self.start(),
            _ => {}
        }
    }

    pub fn crash(&mut self, at: usize) {
        if at < self.runners.len() {
            let runner = self.runners.swap_remove(at);
            self.say(&format!("{} crashes", runner.name));
            self.sky.note("a crash");
        }
    }

    /// Long enough for the group to go on without it; then it works on as if nothing were.
    fn stand_still(&mut self, at: usize) {
        let until = self.now() + Span(self.chance.random_range(1000..20_000));
        let runner = &mut self.runners[at];
        runner.stands_until = Some(until);
        let what = format!("{} stands still for {}", runner.name, (until - self.log.now()).0);
        self.say(&what);
        self.sky.note("a zombie");
    }

    /// Somebody is out of a group and does not know it.
    fn mislead(&mut self) {
        let groups = [&self.names.ingest_group, &self.names.shards_group, &self.names.rollup_group];
        let group = groups[self.chance.random_range(0..3)].clone();
        let span = Span(self.chance.random_range(500..12_000));
        self.say(&format!("the next member of {group} is out and does not know it for {}", span.0));
        self.sky.lock().evict = Some((group, span));
        self.sky.note("a zombie");
    }

    /// What the theme is about.
    fn take_turn(&mut self) {
        if self.now() < self.turn || self.turns == 3 {
            return;
        }
        self.turns += 1;
        self.turn = self.turn + Span((self.plan.produced - self.plan.start).0 / 4);
        match self.plan.theme {
            Theme::Growth => self.grow(),
            Theme::Retention => self.lose_input(),
            Theme::Foreigner => self.invite_foreigner(),
            Theme::Standstill => self.hold_one(),
            _ => {}
        }
    }

    fn grow(&mut self) {
        let (_, name) = &self.names.inputs[self.chance.random_range(0..4)];
        let count = self.log.partitions(name).expect("partitions").expect("a topic");
        let more = u16::try_from(count).expect("few") + self.chance.random_range(1..=2);
        self.log.grow(name, more);
        let what = format!("{name} has {more} partitions");
        self.say(&what);
        self.sky.note("an input grew");
    }

    /// Nobody reads for a while, and the oldest of what nobody has read is deleted.
    fn lose_input(&mut self) {
        let until = self.now() + Span(2000);
        self.say("nobody reads");
        while self.now() < until {
            self.log.advance(self.now() + Span(100));
            self.feed();
        }
        for (_, name) in self.names.inputs.clone() {
            let partition = Partition { topic: name, number: 0 };
            let (low, high) = self.log.bounds(&partition).expect("bounds");
            let before = self.chance.random_range(low..=high);
            let committed = self.log.committed(&self.names.ingest_group, std::slice::from_ref(&partition));
            if committed.expect("offsets")[0].unwrap_or(0) < before {
                self.sky.note("input was lost to retention");
            }
            self.log.trim(&partition, before).expect("trims");
            self.say(&format!("{} 0 begins at {before}", partition.topic));
            self.trimmed.push((partition, before));
        }
    }

    /// Joins the ingest group as anybody does, and is soon out of it without knowing.
    fn invite_foreigner(&mut self) {
        let config = Arc::clone(&self.plan.foreign);
        let roles = Roles { ingest: true, shards: false, rollup: false };
        let instance = self.instance(&config, roles);
        let until = self.now() + Span(self.chance.random_range(8000..16_000));
        self.enter(instance, Some(until));
        let group = self.names.ingest_group.clone();
        for _ in 0..40 {
            self.log.advance(self.now() + Span(50));
            self.feed();
            self.step_some(1.0);
        }
        self.sky.lock().evict = Some((group, until - self.now()));
        let now = self.now();
        if let Some(runner) = self.runners.iter_mut().find(|runner| runner.foreign_until.is_some()) {
            runner.instance.step(now).expect("steps");
            self.sky.note("a foreign zombie");
        }
    }

    /// One instance does nothing for long and the group does not notice; the others go on.
    fn hold_one(&mut self) {
        while self.runners.len() < 2 {
            self.start();
        }
        let until = self.now() + Span(self.chance.random_range(15_000..30_000));
        self.runners[0].stands_until = Some(until);
        self.say("one instance stands still, unnoticed");
        self.sky.note("an instance stood still unnoticed");
    }

    pub fn watches(&self) -> Vec<Watch<Shard>> {
        self.runners.iter().map(|runner| runner.instance.watch()).collect()
    }

    /// Everybody stops as they should, and a new instance takes over.
    pub fn replace_all(&mut self) {
        self.runners.iter_mut().for_each(|runner| runner.stopping = true);
        for _ in 0..2000 {
            if self.runners.is_empty() {
                return self.start();
            }
            self.calm_round(Span(100));
        }
        panic!("a graceful stop does not end");
    }

    pub fn partitions(&self, topic: &Arc<str>) -> Vec<Partition> {
        let count = self.log.partitions(topic).expect("partitions").expect("a topic");
        (0..count).map(|number| Partition { topic: Arc::clone(topic), number }).collect()
    }
}
