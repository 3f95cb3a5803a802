//! One lead's journey, asked of any of two instances: the one that has its shard answers, the other sends there. What it
//! says of conversions is what the ledger says.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::deployment::{BINARY, Deployment, Wishes};
use super::story::{HISTORY, story};
use crate::http::get;
use crate::real_parts::wait_for;

/// What the command prints, and its exit code.
fn journey(line: &Deployment, lead: &str, at: &str, more: &[&str]) -> (i32, String, String) {
    let config = line.config();
    let output = Command::new(BINARY)
        .args(["journey", lead, "--at", at, "--config", config.to_str().unwrap()])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The conversions of a profile, as the ledger has those of the same stages.
fn credits(profile: &Value) -> Vec<Value> {
    let bare = |conversion: &Value| {
        let models = conversion["models"].as_array().unwrap().iter().map(|model| {
            let touches = model["touches"].as_array().unwrap().iter();
            let share = |touch: &Value| json!([touch["event_id"], touch["channel"], touch["time"], touch["credit"]]);
            json!([model["model"], touches.map(share).collect::<Vec<_>>()])
        });
        json!([conversion["stage"], conversion["time"], models.collect::<Vec<_>>()])
    };
    profile["conversions"].as_array().unwrap().iter().map(bare).collect()
}

#[test]
fn any_instance_says_what_is_known_of_a_lead() {
    let line = Deployment::new("leads", &Wishes::default());
    line.load(&HISTORY, None);
    let instances = [line.start(), line.start()];
    line.settle(Duration::from_secs(120));
    let pages = instances.each_ref().map(|instance| instance.address());
    let attributions = &story().net.attributions;
    let credited = attributions.values().filter(|of| of["subject_type"] == "lead" && of["unattributed"].is_null());
    let mut leads: Vec<&str> = credited.map(|of| of["subject"].as_str().unwrap()).collect();
    leads.dedup();
    let mut sent = 0;
    for lead in leads.iter().take(12) {
        let path = format!("/api/v1/leads/{lead}");
        let answers = pages.map(|page| get(page, &path).unwrap().status);
        assert!(answers.contains(&200), "{lead}: {answers:?}");
        sent += answers.iter().filter(|status| **status == 307).count();
        for page in pages {
            let (code, out, err) = journey(&line, lead, &format!("http://{page}"), &["--output", "json"]);
            assert_eq!(code, 0, "{lead}: {err}");
            let profile: Value = serde_json::from_str(&out).unwrap();
            let own = credits(&profile);
            let of_lead = attributions.values().filter(|of| of["lead_id"] == *lead && of["unattributed"].is_null());
            let stated: Vec<Value> = of_lead.flat_map(|of| credits(&json!({ "conversions": [of] }))).collect();
            assert!(!stated.is_empty());
            assert!(stated.iter().all(|conversion| own.contains(conversion)), "{lead}: {own:?} {stated:?}");
        }
    }
    assert!(sent > 0, "each of two instances has some of the leads");
    let (code, out, _) = journey(&line, leads[0], &format!("http://{}", pages[0]), &["--model", "linear"]);
    assert!(code == 0 && out.starts_with(leads[0]) && out.contains("→ lead"), "{out}");
    assert!(out.contains("linear") && !out.contains("first  "), "{out}");

    conversions_are_what_rows_count(pages);

    // Of nobody nothing is known; a stopped instance is said to be none.
    let (code, _, err) = journey(&line, "nobody", &format!("http://{}", pages[0]), &[]);
    assert_eq!(code, 1);
    assert!(err.contains("nothing is known of this lead"), "{err}");
    let [first, second] = instances;
    first.kill();
    let survived = |page| get(page, &format!("/api/v1/leads/{}", leads[0])).is_ok_and(|answer| answer.status == 200);
    wait_for("the survivor to have all leads", Duration::from_secs(60), || survived(pages[1]).then_some(()));
    let (code, _, err) = journey(&line, leads[0], &format!("http://{}", pages[0]), &[]);
    assert!(code == 1 && err.contains("is an instance running there?"), "{err}");
    let path = "/api/v1/conversions?stage=lead&window=all";
    let all = |answer: &Value| answer["complete"] == json!(true);
    wait_for("its conversions", Duration::from_secs(30), || get(pages[1], path).ok().filter(|of| all(&of.json())));
    drop(second);
}

/// Any of the instances tells the conversions behind a row, whoever has their leads.
fn conversions_are_what_rows_count(pages: [SocketAddr; 2]) {
    let mut compared = 0;
    for row in story().rows.values().filter(|row| row["kpi"] == "leads" && row["window"] != "1d") {
        let (Some(channel), Some(model)) = (row["dims"]["channel"].as_str(), row["dims"]["model"].as_str()) else {
            continue;
        };
        if row["dims"].as_object().unwrap().len() > 2 {
            continue;
        }
        let start = row["start"].as_i64().map(|start| format!("&start={start}")).unwrap_or_default();
        let window = row["window"].as_str().unwrap();
        let path = format!("/api/v1/conversions?stage=lead&window={window}{start}&limit=500");
        let path = format!("{path}&model={model}&channel={channel}");
        let [one, other] = pages.map(|page| get(page, &path).unwrap().json());
        assert_eq!(one, other, "{path}");
        assert_eq!((&one["complete"], &one["missing"]), (&json!(true), &json!([])), "{path}");
        assert_eq!(one["credit"].as_f64().map(units), row["value"].as_f64().map(units), "{path}: {row}");
        let all = one["conversions"].as_array().unwrap();
        assert_eq!(one["total"].as_u64().unwrap(), all.len() as u64, "{path}");
        assert_eq!(
            all.iter().map(|of| units(of["credit"].as_f64().unwrap())).sum::<i64>(),
            units(one["credit"].as_f64().unwrap())
        );
        assert!(all.is_sorted_by_key(|of| std::cmp::Reverse(of["time"].as_i64())), "{path}");
        compared += 1;
    }
    assert!(compared > 20, "{compared} rows prove little");
    let here = pages.map(|page| get(page, "/api/v1/conversions?stage=lead&window=all&local=true").unwrap().json());
    let all = get(pages[0], "/api/v1/conversions?stage=lead&window=all&limit=2").unwrap().json();
    let total = |answer: &Value| answer["total"].as_u64().unwrap();
    assert_eq!(here.iter().map(total).sum::<u64>(), total(&all), "each instance has its own");
    let said =
        |answer: &Value| answer["missing"][0].as_str().is_some_and(|reason| reason.starts_with("not here: shards"));
    assert!(
        here.iter().all(|answer| total(answer) > 0 && answer["complete"] == json!(false) && said(answer)),
        "{here:?}"
    );
    assert_eq!(all["conversions"].as_array().unwrap().len(), 2);
}

/// In 10⁻⁹.
fn units(credit: f64) -> i64 {
    (credit * 1e9).round() as i64
}
