//! The scripts against the record in Rust: both keep the same lock.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::{Cmd, FromRedisValue, Value, cmd, pipe};

use super::super::scripts::SCRIPTS;
use super::server::Server;
use crate::lock::{Entered, Expected, Holder, Record, check, etag_of};

const OWNERS: [&str; 4] = ["a", "b", "c", "d"];
const TEXTS: [&str; 3] = ["one", "two", "three"];
const LEASE: u32 = 1_000;

#[derive(Clone, Debug)]
enum Step {
    Enter { owner: usize, patience: u32, waited: u32 },
    Write { owner: usize, number: u32, expected: Expected, text: Option<usize> },
    Match { expected: Expected, text: Option<usize> },
    Leave { owner: usize },
}

fn expected() -> impl Strategy<Value = Expected> {
    let text = || (0..TEXTS.len()).prop_map(|index| TEXTS[index].to_owned());
    prop_oneof![
        Just(Expected::Anything),
        Just(Expected::Absent),
        text().prop_map(Expected::Text),
        text().prop_map(|text| Expected::Etag(etag_of(text.as_bytes()))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let text = || proptest::option::weighted(0.7, 0..TEXTS.len());
    let owner = || 0..OWNERS.len();
    prop_oneof![
        (owner(), prop_oneof![Just(0), 1..500u32], 0..2_000u32).prop_map(|(owner, patience, waited)| Step::Enter {
            owner,
            patience,
            waited
        }),
        (owner(), 1..4u32, expected(), text()).prop_map(|(owner, number, expected, text)| Step::Write {
            owner,
            number,
            expected,
            text
        }),
        (expected(), text()).prop_map(|(expected, text)| Step::Match { expected, text }),
        owner().prop_map(|owner| Step::Leave { owner }),
    ]
}

/// Mostly a little; sometimes the clock is set.
fn passed() -> impl Strategy<Value = i64> {
    prop_oneof![12 => 0..400i64, 1 => -100_000..100_000i64]
}

/// What a script replies, and what the record in Rust says.
#[derive(Debug, PartialEq)]
enum Said {
    Numbers(Vec<u32>),
    Word(String),
    Held { waiting: u32, text: Option<String> },
}

/// A store in Rust with one conversation.
#[derive(Default)]
struct Model {
    record: String,
    state: Option<String>,
}

impl Model {
    fn run(&mut self, step: &Step, now: u64) -> Said {
        let mut lock = Record::parse(&self.record, now);
        let said = match step {
            Step::Enter { owner, patience, waited } => {
                match lock.enter(OWNERS[*owner], now, LEASE, *patience, *waited) {
                    Entered::Waits { ahead, waiting } => Said::Numbers(vec![0, ahead, waiting]),
                    Entered::Held { waiting, .. } => Said::Held { waiting, text: self.state.clone() },
                }
            }
            Step::Leave { owner } => {
                lock.leave(OWNERS[*owner]);
                Said::Numbers(vec![])
            }
            Step::Match { expected, text } => match self.write(expected, *text) {
                Ok(()) => Said::Numbers(vec![0]),
                Err(word) => Said::Word(word),
            },
            Step::Write { owner, number, expected, text } => {
                let holder = Holder { owner: OWNERS[*owner].to_owned(), lease: LEASE, number: *number };
                let written = match lock.may_write(&holder) {
                    Ok(true) => Ok(()),
                    Ok(false) => self.write(expected, *text),
                    Err(refusal) => Err(refusal.word().to_owned()),
                };
                match written {
                    Ok(()) => Said::Numbers(vec![lock.wrote(&holder, now)]),
                    Err(word) => Said::Word(word),
                }
            }
        };
        // A script that changes nothing stores nothing, so that lines whose time is over stay there.
        let is_unchanged = match &said {
            Said::Word(_) => true,
            Said::Numbers(_) => matches!(step, Step::Match { .. } | Step::Enter { patience: 0, .. }),
            Said::Held { .. } => false,
        };
        if !is_unchanged {
            self.record = lock.to_text().unwrap_or_default();
        }
        said
    }

    fn write(&mut self, expected: &Expected, text: Option<usize>) -> Result<(), String> {
        let text = text.map(|index| TEXTS[index]);
        check(expected, self.state.as_deref().map(str::as_bytes), text.map(str::as_bytes))
            .map_err(|refusal| refusal.word().to_owned())?;
        self.state = text.map(str::to_owned);
        Ok(())
    }
}

/// The script with the clock as its last key. The real expiry of the lock is left out: that clock goes on.
fn with_clock(script: &str) -> String {
    let clock = "local t = redis.call('TIME')\nlocal now = t[1] * 1000 + math.floor(t[2] / 1000)\n";
    let expiry = ", 'PX', string.format('%.0f', last - now)";
    assert!(script.contains(clock) && script.contains(expiry), "{script}");
    script.replace(clock, "local now = tonumber(KEYS[3])\n").replace(expiry, "")
}

/// The words of a comparison, as a client without `sha1hex` sends them or as our own connection does.
fn comparison(expected: &Expected, as_text: bool) -> [String; 2] {
    match expected {
        Expected::Anything => ["X".into(), String::new()],
        Expected::Absent => ["A".into(), String::new()],
        Expected::Text(text) if as_text => ["T".into(), text.clone()],
        Expected::Text(text) => ["H".into(), etag_of(text.as_bytes())],
        Expected::Etag(etag) => ["H".into(), etag.clone()],
    }
}

/// The scripts, with the clock of the test.
struct Clocked {
    enter: String,
    write: String,
    leave: String,
}

impl Clocked {
    fn command(&self, step: &Step, now: u64) -> Cmd {
        let mut eval = cmd("EVAL");
        let text = |index: &Option<usize>| index.map(|index| TEXTS[index]);
        match step {
            Step::Enter { owner, patience, waited } => {
                eval.arg(&self.enter).arg(&["3", "x", "l"]).arg(now).arg(OWNERS[*owner]).arg(LEASE);
                eval.arg(patience).arg(waited).arg(1);
            }
            Step::Leave { owner } => {
                eval.arg(&self.leave).arg(&["3", "x", "l"]).arg(now).arg(OWNERS[*owner]).arg(0);
            }
            Step::Write { owner, number, expected, text: written } => {
                eval.arg(&self.write).arg(&["3", "x", "l"]).arg(now).arg(OWNERS[*owner]).arg(LEASE);
                eval.arg(number).arg(0).arg(&comparison(expected, number % 2 == 0)).arg(text(written));
            }
            Step::Match { expected, text: written } => {
                eval.arg(&SCRIPTS.compare_and_set).arg(&["1", "x", "0"]);
                eval.arg(&comparison(expected, written.is_some())).arg(text(written));
            }
        }
        eval
    }
}

fn said(step: &Step, reply: Value) -> Said {
    let number = |value: &Value| u32::from_redis_value_ref(value).unwrap();
    match (step, reply) {
        (Step::Leave { .. }, Value::Int(_)) => Said::Numbers(vec![]),
        (_, Value::Int(number)) => Said::Numbers(vec![u32::try_from(number).unwrap()]),
        (_, Value::BulkString(word)) => Said::Word(String::from_utf8(word).unwrap()),
        (_, Value::Array(parts)) if parts[0] == Value::Int(1) => {
            Said::Held { waiting: number(&parts[1]), text: Option::from_redis_value_ref(&parts[2]).unwrap() }
        }
        (_, Value::Array(parts)) => Said::Numbers(parts.iter().map(number).collect()),
        (_, other) => panic!("{other:?}"),
    }
}

#[test]
fn the_scripts_do_what_the_record_does() {
    let server = Server::start(&[]);
    let client = redis::Client::open(("127.0.0.1", server.port)).unwrap();
    let mut connection = client.get_connection().unwrap();
    let clocked = Clocked {
        enter: with_clock(&SCRIPTS.enter),
        write: with_clock(&SCRIPTS.write),
        leave: with_clock(&SCRIPTS.leave),
    };
    let config = Config { cases: 180, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let steps = prop::collection::vec((step(), passed()), 100);
    let connection = RefCell::new(&mut connection);
    let result = TestRunner::new(config).run(&steps, |steps| {
        let connection = &mut **connection.borrow_mut();
        cmd("FLUSHALL").exec(connection).unwrap();
        let mut model = Model::default();
        let mut now = 1_800_000_000_000u64;
        for (step, passed) in steps {
            now = now.checked_add_signed(passed).unwrap();
            let mut all = pipe();
            all.add_command(clocked.command(&step, now)).get("l").get("x");
            let (reply, record, state): (Value, Option<String>, Option<String>) = all.query(connection).unwrap();
            prop_assert_eq!(said(&step, reply), model.run(&step, now), "{:?}", step);
            prop_assert_eq!(&record.unwrap_or_default(), &model.record);
            prop_assert_eq!(&state, &model.state);
        }
        Ok(())
    });
    result.unwrap();
}
