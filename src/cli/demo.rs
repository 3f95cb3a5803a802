//! `tributary demo`: no Kafka, no configuration, no network; prints where to look and goes on until it is interrupted.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use crate::demo::{Demo, Story, configuration, outage};

const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Where to serve the page; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464", value_parser = loopback)]
    listen: SocketAddr,
    /// Another seed, another story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// People whose stories are told
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    leads: u32,
    /// So many days have passed when it begins
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=365))]
    days: u32,
    /// How many times as fast as life it goes on
    #[arg(long, default_value_t = 1800, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    speed: u32,
}

impl DemoArgs {
    /// # Errors
    /// When the address is taken, or a part of the demo ends by itself.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.show())
    }

    #[allow(clippy::disallowed_methods, reason = "how soon the first number is there is for people to read")]
    async fn show(&self) -> anyhow::Result<ExitCode> {
        let begun = std::time::Instant::now();
        let mut ended = signal(SignalKind::terminate())?;
        let story = Story { seed: self.seed, leads: self.leads, days: self.days, speed: self.speed };
        let demo = Demo::start(&configuration(self.listen)?, story)
            .with_context(|| "the demo cannot start (`--listen 127.0.0.1:0` takes any free port)")?;
        self.say_where(demo.address(), &demo.broker())?;
        let mut waiting = true;
        while !demo.has_ended() {
            if waiting && demo.has_numbers() {
                waiting = false;
                writeln!(stdout(), "\nThe first numbers are there after {:.1} s.", begun.elapsed().as_secs_f64())?;
            }
            tokio::select! {
                _ = ended.recv() => break,
                interrupted = tokio::signal::ctrl_c() => { interrupted?; break }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let failed = demo.has_ended();
        demo.stop();
        anyhow::ensure!(!failed, "a part of the demo has ended by itself; the log above says why");
        Ok(ExitCode::SUCCESS)
    }

    fn say_where(&self, at: SocketAddr, broker: &str) -> std::io::Result<()> {
        let Self { days, speed, .. } = self;
        writeln!(
            stdout(),
            "\
tributary demo: {days} days of a B2B company's marketing, then on and on, {speed} times as fast as life. Some channels
are cheap and bring little, models disagree about which ones bring the deals, and some records are broken.{}

  page      http://{at}/
  metrics   http://{at}/metrics
  Kafka     {broker}

The past comes in within half a minute. Ask for numbers: leads by channel, as the first touch has them; what each model
says of one channel's revenue; the last deals that were won, with their touches:

  curl -s 'http://{at}/api/v1/kpis?kpi=leads&window=30d&start=running&dims=channel,model&model=first'
  curl -s 'http://{at}/api/v1/kpis?kpi=revenue&window=90d&start=running&dims=channel,model&channel=paid_search'
  curl -s 'http://{at}/api/v1/conversions?stage=won&window=90d&limit=3'

Read what a service would, the last rows and what was rejected; then send an event of your own:

  kcat -b {broker} -C -t kpis -o -5 -e -f '%k %s\\n'
  kcat -b {broker} -C -t dead-letters -e -f '%h\\n'
  echo '{{\"event_id\":\"mine-1\",\"occurred_at\":'$(date +%s000)',\"kind\":\"page_view\",\"visitor_id\":\"me\"}}' |
    kcat -b {broker} -P -t touchpoints

Next: `tributary top` in another terminal; `tributary init` writes a commented configuration, `tributary check` validates
it. Ctrl-C ends the demo, and nothing of it stays.",
            self.outage()
        )
    }

    /// What went wrong in the story, if it begins early enough.
    fn outage(&self) -> String {
        if i64::from(self.days) <= outage::BEFORE_DAYS {
            return String::new();
        }
        let (days, hours) = (outage::BEFORE_DAYS, outage::HOURS);
        format!(
            "\nThe mail provider's webhook was down {days} days ago: {hours} hours of its events came in one go, some too late."
        )
    }
}

/// The demo asks for no token, so it is for this machine alone.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err("the demo listens on loopback alone, such as 127.0.0.1:9464".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
