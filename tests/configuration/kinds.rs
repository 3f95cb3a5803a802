//! Every kind of mistake by one example: what is said of it, where the caret stands (at the `«`), and the hint. Each is a
//! test of its own; each must be the only problem that its snippet has.

use tributary::config::Config;
use tributary::runtime::kafka_log::wrong_property;

fn says(snippet: &str, env: &[(&str, &str)], message: &str, hint: &str) {
    let at = snippet.find('«');
    let text = snippet.replace(['«', '»'], "");
    let env_given = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let problems = match Config::parse_with(&text, "tributary.toml", env_given, &wrong_property) {
        Ok(_) => panic!("nothing is found in\n{text}"),
        Err(problems) => problems,
    };
    let shown = problems.render(false);
    assert_eq!(problems.iter().count(), 1, "{shown}");
    let problem = problems.iter().next().expect("a problem");
    assert!(problem.message().contains(message), "not `{message}`, but\n{shown}");
    let given = problem.hint().unwrap_or_default();
    assert!(given.contains(hint) && !hint.is_empty(), "not the hint `{hint}`, but\n{shown}");
    let place = problem.position().map(|(file, line, column)| (file.to_owned(), line, column));
    let expected = match at {
        Some(at) => {
            let before = &snippet[..at];
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            ("tributary.toml".to_owned(), before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
        }
        None => ("environment".to_owned(), 1, place.as_ref().map_or(0, |(_, _, column)| *column)),
    };
    assert_eq!(place, Some(expected), "{shown}");
    assert!(shown.contains("╭─["), "no place is shown: {shown}");
}

macro_rules! kinds {
    ($($name:ident: $snippet:expr, $message:expr, $hint:expr;)+) => {
        $(#[test] fn $name() { says($snippet, &[], $message, $hint); })+
        #[test]
        fn there_are_more_than_forty() {
            assert!([$(stringify!($name)),+].len() > 40);
        }
    };
}

macro_rules! variables {
    ($($name:ident: $variable:expr, $value:expr, $message:expr, $hint:expr;)+) => {
        $(#[test] fn $name() { says("", &[($variable, $value)], $message, $hint); })+
    };
}

kinds! {
    a_section_that_is_not_known: "[«kafk»]\n", "unknown key `kafk`", "did you mean `kafka`?";
    a_key_that_is_not_known:
        "[attribution]\n«lokback» = \"90d\"\n",
        "unknown key `lokback` in `attribution`", "`lookback`";
    a_key_that_is_like_none: "[http]\n«colour» = 1\n", "unknown key `colour` in `http`", "one of advertise, listen";
    a_key_twice: "[time]\nzone = \"UTC\"\n«zone» = \"UTC\"\n", "duplicate key", "given once";
    an_unclosed_table: "[time«\nzone = \"UTC\"\n", "unclosed table", "in pairs";
    a_text_without_quotes: "[time]\nzone = «UTC\n", "string values must be quoted", "texts stand in quotes";
    a_number_for_a_text: "[time]\nsettle = «90\n", "must be a text, not a whole number", "its default is \"90d\"";
    a_text_for_a_list: "[time]\nwindows = «\"1d\"\n", "must be a list, not a text", "its default is [";
    a_text_for_a_truth: "[topics]\ncreate = «\"yes\"\n", "must be true or false, not a text", "its default is true";
    a_table_for_a_list:
        "«[budgets]»\nchannel = \"email\"\n",
        "`budgets` must be a list, not a table", "`[[budgets]]`";
    a_key_that_is_missing:
        "«[[budgets]]»\nchannel = \"email\"\nwindow = \"1mo\"\n",
        "`budgets` needs `amount`", "its keys are";
    a_word_that_is_none:
        "[output]\nencoding = «\"avr\"\n",
        "`output.encoding` cannot be `avr`", "did you mean `avro`?";
    a_number_out_of_range:
        "[topics]\npartitions = «0\n",
        "`topics.partitions` must be 1 to 65535", "its default is 8";
    a_zone_that_is_not_known:
        "[time]\nzone = «\"Europe/Berln\"\n",
        "unknown time zone", "did you mean `Europe/Berlin`?";
    a_window_that_is_none:
        "[time]\nwindows = [\"1d\", «\"2h\"]\n",
        "unknown window `2h`", "rolling days such as `30d`";
    no_windows: "[time]\nwindows = «[]\n", "`time.windows` is empty", "such as `1d`";
    no_duration: "[time]\nsettle = «\"soon\"\n", "`time.settle` is no duration", "a whole number and a unit";
    a_negative_duration: "[time]\nsettle = «\"-7d\"\n", "`time.settle` is no duration: `-7d`", "`24h`";
    a_duration_without_end: "[time]\nsettle = «\"999999999d\"\n", "`time.settle` is no duration", "`7d`";
    a_duration_of_nothing: "[attribution]\nlookback = «\"0s\"\n", "must be longer than nothing", "such as `30s`";
    a_moment_that_is_none: "[time]\nhistory_until = «\"yesterday\"\n", "is no moment", "2026-01-01T00:00:00Z";
    horizon_within_lateness:
        "[time]\nallowed_lateness = \"10d\"\n[dedupe]\nhorizon = «\"7d\"\n",
        "late duplicates would count twice", "at least `10d`";
    a_model_that_is_not_known:
        "[attribution]\nmodels = [«\"frist\"]\n",
        "unknown model `frist`", "did you mean `first`?";
    no_models: "[attribution]\nmodels = «[]\n", "`attribution.models` is empty", "such as `linear`";
    a_custom_model_with_a_taken_name:
        "[attribution.custom.«linear»]\nfirst = 1\n",
        "`linear` is a built-in model", "another name";
    a_custom_model_without_weights:
        "[attribution.custom.«mine»]\nfirst = 0\n",
        "gives no weight to anything", "keys: first, last";
    a_negative_weight:
        "[attribution.custom.mine]\nfirst = 1\nlast = «-1\n",
        "a weight cannot be negative", "0 or more";
    a_stage_that_is_none:
        "[attribution.data_driven]\nstages = [«\"close\"]\n",
        "unknown stage `close`", "one of lead, mql";
    a_kind_of_touch_that_is_none:
        "[journey]\nnot_engaging = [«\"impresion\"]\n",
        "unknown kind of touch", "did you mean `impression`?";
    points_for_what_nobody_does:
        "[scoring.engagement]\n«page_veiw» = 1\n",
        "unknown kind of touch or form", "did you mean `page_view`?";
    no_grades: "[scoring]\ngrades = «{}\n", "`scoring.grades` is empty", "such as `A = 80`";
    grades_from_the_same_score: "[scoring]\ngrades = { A = 80, B = «80 }\n", "begin at the same score", "of its own";
    a_share_over_one: "[funnel]\nlikely = «70\n", "`funnel.likely` must be between 0 and 1", "0.35 stands for 35 %";
    a_predicate_that_goes_in_a_circle:
        "[[scoring.fit]]\nfield = «\"grade\"\nequals = \"A\"\npoints = 5\n",
        "depends on the answer", "a form answer";
    a_predicate_without_a_test:
        "[[scoring.fit]]\nfield = «\"budget\"\npoints = 5\n",
        "a predicate needs a test", "one of `equals`";
    a_predicate_with_two_tests:
        "[[scoring.fit]]\nfield = «\"budget\"\nequals = 1\nregex = \"1\"\npoints = 5\n",
        "a predicate has one test", "one of `equals`";
    a_field_no_account_has:
        "[[scoring.fit]]\nfield = «\"account.is_traget\"\nequals = true\npoints = 5\n",
        "an account has no field `is_traget`", "did you mean `is_target`?";
    a_range_that_never_holds:
        "[[scoring.fit]]\nfield = \"budget\"\nmin = «10\nmax = 5\npoints = 5\n",
        "`min` is greater than `max`", "within the range";
    a_regular_expression_that_is_none:
        "[[scoring.reject]]\nreason = \"test\"\nfield = \"lead_id\"\nregex = «\"(\"\n",
        "no regular expression: `(`", "a backslash";
    a_segment_twice:
        "[[segments]]\nsegment = \"big\"\nwhen = []\n[[segments]]\nsegment = «\"big\"\nwhen = []\n",
        "segment `big` is there twice", "name them apart";
    a_segment_that_a_route_does_not_find:
        "[[segments]]\nsegment = \"enterprise\"\nwhen = []\n[[routes]]\nroute = \"sales\"\n\
        when = [{ field = \"segment\", equals = «\"enterprize\" }]\n",
        "unknown segment `enterprize`", "did you mean `enterprise`?";
    a_route_that_is_never_reached:
        "[[routes]]\nroute = \"all\"\nwhen = []\n[[routes]]\nroute = «\"sales\"\n\
        when = [{ field = \"intent\", equals = \"buy\" }]\n",
        "route `sales` is never reached", "last";
    a_channel_rule_for_every_touch:
        "[[channels.rules]]\nchannel = «\"review_sites\"\n",
        "needs a field to match", "utm_source";
    a_pattern_of_two_kinds:
        "[[channels.rules]]\npath = «{ prefix = \"/a\", suffix = \"b\" }\nchannel = \"review_sites\"\n",
        "one of `prefix`, `suffix` and `regex`", "such as `{ prefix";
    a_rule_for_no_kind_of_touch:
        "[[channels.rules]]\nkind = «\"page_veiw\"\nchannel = \"review_sites\"\n",
        "unknown kind of touch `page_veiw`", "did you mean `page_view`?";
    a_rule_for_one_of_nothing:
        "[[channels.rules]]\nutm_source = «[]\nchannel = \"review_sites\"\n",
        "a list of nothing never matches", "leave the key out";
    a_channel_in_two_groups:
        "[channels.groups]\nearned = [\"review_sites\"]\nowned = [«\"review_sites\"]\n",
        "is in two groups", "a channel has one group";
    a_name_of_the_products_own:
        "[[channels.rules]]\nutm_source = \"g2\"\nchannel = «\"(other)\"\n",
        "cannot be named `(other)`", "the product's own";
    a_currency_that_is_none: "[money]\ncurrency = «\"EURO\"\n", "unknown currency `EURO`", "such as `EUR`";
    a_rate_of_nothing: "[money.rates]\nGBP = «0\n", "must be more than 0", "such as `1.1`";
    a_rate_that_is_no_number: "[money.rates]\nGBP = «\"about 1.2\"\n", "must be a decimal number", "such as `1.1`";
    a_budget_of_nothing:
        "[[budgets]]\nchannel = \"email\"\nwindow = \"1mo\"\namount = «0\n",
        "a budget must be more than 0", "leave the budget out";
    a_budget_without_end:
        "[[budgets]]\nchannel = \"email\"\nwindow = «\"all\"\namount = 5\n",
        "a budget cannot be for `all`", "such as `1mo`";
    a_budget_in_no_window:
        "[[budgets]]\nchannel = \"email\"\nwindow = «\"1w\"\namount = 5\n",
        "window `1w` is not computed", "add `1w` to `time.windows`";
    a_budget_from_within_a_window:
        "[[budgets]]\nchannel = \"email\"\nwindow = \"1q\"\namount = 5\nstart = «\"2026-10-15\"\n",
        "no `1q` window begins on", "`2026-10-01`";
    a_budget_twice:
        "[[budgets]]\nchannel = \"email\"\nwindow = \"1q\"\namount = 5\n[[budgets]]\nchannel = «\"email\"\n\
        window = \"1q\"\namount = 6\n",
        "is there twice", "for each `start`";
    a_goal_for_no_kpi:
        "[[goals.targets]]\nkpi = «\"revenu\"\nwindow = \"1q\"\ntarget = 5\n",
        "there is no KPI named `revenu`", "did you mean `revenue`?";
    a_goal_of_nothing:
        "[[goals.targets]]\nkpi = \"revenue\"\nwindow = \"1q\"\ntarget = «0\n",
        "a target must be more than 0", "leave the goal out";
    a_date_that_is_none: "[goals]\nholidays = [«\"2026-02-30\"]\n", "no date: `2026-02-30`", "such as `2026-12-25`";
    an_alert_without_a_comparison:
        "[[alerts]]\nname = \"few\"\nwhen = «\"leads\"\nwindow = \"1d\"\n",
        "no condition: `leads`", "one of `< <= > >= ==`";
    an_alert_that_compares_with_no_number:
        "[[alerts]]\nname = \"few\"\nwhen = «\"leads < many\"\nwindow = \"1d\"\n",
        "`many` is no number to compare with", "a number";
    an_alert_about_no_kpi:
        "[[alerts]]\nname = \"few\"\nwhen = \"1 + «laeds < 5\"\nwindow = \"1d\"\n",
        "there is no KPI named `laeds`", "did you mean `leads`?";
    an_alert_by_dimensions_its_kpi_lacks:
        "[[alerts]]\nname = \"few\"\nwhen = \"«sessions < 5\"\nwindow = \"1d\"\nby = [\"grade\"]\n",
        "has no rows by grade", "it has rows";
    an_alert_twice:
        "[[alerts]]\nname = \"few\"\nwhen = \"leads < 5\"\nwindow = \"1d\"\n[[alerts]]\nname = «\"few\"\n\
        when = \"leads < 9\"\nwindow = \"1d\"\n",
        "alert `few` is there twice", "another name";
    an_alert_that_output_does_not_find:
        "[output]\nalerts = [«\"sla_braech\"]\n",
        "unknown alert `sla_braech`", "did you mean `sla_breach`?";
    a_kpi_that_is_built_in:
        "[[kpi]]\nid = «\"leads\"\nunit = \"count\"\nformula = \"sessions\"\nby = []\n",
        "`leads` is built in", "another id";
    a_kpi_twice:
        "[[kpi]]\nid = \"mine\"\nunit = \"count\"\nformula = \"sessions\"\nby = []\n[[kpi]]\n\
        id = «\"mine\"\nunit = \"count\"\nformula = \"leads\"\nby = []\n",
        "KPI `mine` is there twice", "another id";
    a_kpi_with_an_id_that_is_none:
        "[[kpi]]\nid = «\"Cost-per-demo\"\nunit = \"currency\"\nformula = \"spend / demos\"\nby = []\n",
        "cannot be the id of a KPI", "lower-case letters";
    a_unit_that_is_none:
        "[[kpi]]\nid = \"mine\"\nunit = «\"dollars\"\nformula = \"spend / demos\"\nby = []\n",
        "unknown unit `dollars`", "one of count, ratio";
    a_formula_of_nothing:
        "[[kpi]]\nid = \"mine\"\nunit = \"count\"\nformula = «\"\"\nby = []\n",
        "a KPI needs a formula", "such as `spend / demos`";
    a_formula_of_no_kpi:
        "[[kpi]]\nid = \"mine\"\nunit = \"currency\"\nformula = \"spend / «dmos\"\nby = []\n",
        "no KPI or measure named `dmos`", "did you mean `demos`?";
    a_formula_with_a_stray_sign:
        "[[kpi]]\nid = \"mine\"\nunit = \"currency\"\nformula = \"spend «; demos\"\nby = []\n",
        "unexpected `;` at column 7", "`+ - * /`";
    a_formula_that_ends_early:
        "[[kpi]]\nid = \"mine\"\nunit = \"currency\"\nformula = «\"spend /\"\nby = []\n",
        "the formula ends too early", "`spend / demos`";
    a_formula_that_is_its_own:
        "[[kpi]]\nid = \"mine\"\nunit = \"count\"\nformula = «\"mine + 1\"\nby = []\n",
        "`mine` is defined by itself", "in the end";
    a_dimension_that_is_none:
        "[[kpi]]\nid = \"mine\"\nunit = \"count\"\nformula = \"leads\"\nby = [[«\"chanel\"]]\n",
        "unknown dimension `chanel`", "did you mean `channel`?";
    a_formula_by_what_it_lacks:
        "[[kpi]]\nid = \"mine\"\nunit = \"ratio\"\nformula = \"spend / «sessions\"\n\
        by = [[\"channel\", \"model\"]]\n",
        "cannot be had by", "`tributary catalogue`";
    an_output_that_matches_nothing:
        "[output]\nkpis = [\"leads\", «\"cost_pre_*\"]\n",
        "`output.kpis` names no KPI", "`tributary catalogue`";
    a_ledger_that_is_none:
        "[output]\nledgers = [«\"lead_lifecycle\"]\n",
        "unknown ledger `lead_lifecycle`", "did you mean `lead-lifecycle`?";
    retention_of_what_never_ends: "[output.retention]\n«all» = \"7d\"\n", "no retention for `all`", "one of 1m, 1h";
    a_size_that_is_none: "[state]\nsnapshot_min_tail = «\"64 megs\"\n", "is no size", "`64MiB`";
    a_list_of_no_brokers: "[kafka]\nbrokers = «\"localhost:kafka\"\n", "has no broker", "`host:port`";
    a_property_that_is_the_programs:
        "[kafka.properties]\n«\"group.id\"» = \"mine\"\n",
        "`group.id` cannot be passed through", "set `kafka.group`";
    a_property_that_is_none:
        "[kafka.properties]\n«\"security.protocl\"» = \"ssl\"\n",
        "no property `security.protocl`", "did you mean `security.protocol`?";
    a_property_with_a_value_it_does_not_take:
        "[kafka.properties]\n«\"security.protocol\"» = \"tls\"\n",
        "does not take this value", "CONFIGURATION.md";
    a_topic_with_two_uses:
        "[topics]\nspend = \"costs\"\naccounts = «\"costs\"\n",
        "topic `costs` is used twice", "each topic has one use";
    a_topic_kafka_does_not_take: "[topics]\nspend = «\"our costs\"\n", "cannot be a topic", "letters, digits";
    a_topic_like_the_internal_ones:
        "[topics]\nspend = «\"tributary-spend\"\n",
        "begins like the internal topics", "`topics.internal_prefix`";
    a_registry_that_is_no_url:
        "[schema_registry]\nurl = «\"localhost:8081\"\n",
        "no URL", "such as `http://localhost:8081`";
    a_schema_id_that_is_none: "[schemas]\n«first» = \"touchpoint.avsc\"\n", "no schema id: `first`", "whole numbers";
    an_address_that_is_none: "[http]\nlisten = «\"localhost\"\n", "`http.listen` is no address", "`127.0.0.1:9464`";
    an_open_door: "[http]\nlisten = «\"0.0.0.0:9464\"\n", "asks for no token", "`http.token_file`";
    a_secret_that_is_not_there:
        "[http]\ntoken_file = «\"/no/such/token\"\n",
        "cannot read `/no/such/token`", "relative paths start";
    a_secret_in_two_ways:
        "[schema_registry]\nurl = \"http://localhost:8081\"\npassword = \"a\"\npassword_file = «\"b\"\n",
        "are both given", "leave one of them out";
}

variables! {
    a_variable_with_a_key_that_is_not_known:
        "TRIBUTARY_ATTRIBUTION__LOKBACK",
        "90d",
        "unknown key `lokback`",
        "`TRIBUTARY_ATTRIBUTION__LOOKBACK`";
    a_variable_of_no_section:
        "TRIBUTARY_ATRIBUTION__LOOKBACK",
        "90d",
        "unknown key `atribution`",
        "`TRIBUTARY_ATTRIBUTION__LOOKBACK`";
    a_variable_with_one_underscore:
        "TRIBUTARY_HTTP_LISTEN",
        "127.0.0.1:1",
        "`TRIBUTARY_HTTP_LISTEN` sets nothing",
        "`TRIBUTARY_HTTP__LISTEN`";
    a_variable_with_a_wrong_value: "TRIBUTARY_TIME__ZONE", "Mars", "unknown time zone `Mars`", "tz database";
}

#[test]
fn what_kubernetes_says_of_services_sets_nothing() {
    let env = [
        ("TRIBUTARY_SERVICE_HOST", "10.0.0.1"),
        ("TRIBUTARY_SERVICE_PORT_HTTP", "9464"),
        ("TRIBUTARY_PORT", "tcp://10.0.0.1:9464"),
        ("TRIBUTARY_PORT_9464_TCP_ADDR", "10.0.0.1"),
        ("TRIBUTARY_VERSION", "1"),
    ];
    crate::valid("", &env);
}

#[test]
fn kpis_that_are_made_of_each_other_are_found() {
    let kpi = |id: &str, formula: &str| {
        format!("[[kpi]]\nid = \"{id}\"\nunit = \"count\"\nformula = \"{formula}\"\nby = []\n")
    };
    let text = kpi("a", "b + 1") + &kpi("b", "c * 2") + &kpi("c", "leads - a");
    let problems = Config::parse(&text, "tributary.toml", std::iter::empty()).expect_err("a circle");
    assert_eq!(problems.iter().count(), 3, "{}", problems.render(false));
    assert!(problems.iter().all(|problem| problem.message().contains("is defined by itself")));
}
