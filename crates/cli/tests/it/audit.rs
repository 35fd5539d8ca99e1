//! `audit`, as a user sees it.

use super::support::{Place, lines};

/// Two files that were processed.
fn place() -> Place {
    let place = Place::new("emulator");
    place.write("inbox/a.jsonl", &lines("a", 4));
    place.write("inbox/b.jsonl", &lines("b", 3));
    assert_eq!(place.run(&["run", "--once"]).code, Some(0));
    place
}

fn edit(place: &Place, ending: &str, change: impl Fn(String) -> String) -> String {
    let name = place.files("processed").into_iter().find(|name| name.ends_with(ending)).unwrap();
    place.write(&format!("processed/{name}"), &change(place.text("processed", ending)));
    name
}

#[test]
fn everything_that_was_published_is_proved() {
    let place = place();
    let ran = place.run(&["audit"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("in all: 2 jobs, 7 lines (7 in output, 0 in errors)"), "{}", ran.out);
    let ran = place.run(&["audit", "--json"]);
    let found = ran.json();
    assert_eq!(found.len(), 3, "{ran:?}");
    assert!(found[..2].iter().all(|audit| audit["clean"] == true && audit["with_input"] == true), "{ran:?}");
    assert_eq!(found[2]["total"]["findings"], 0);
}

#[test]
fn what_was_edited_is_named_by_file_and_line() {
    let place = place();
    let name = edit(&place, "a_output.jsonl", |text| text.replacen("a-2", "a-1", 1));
    let ran = place.run(&["audit"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    for part in [
        format!("processed/{name}:3: duplicate_id: custom_id \"a-1\""),
        format!("processed/{name}: changed_file: "),
        ":3: missing_id: the request has neither output nor error".to_owned(),
        "3 findings in 1 of them".to_owned(),
    ] {
        assert!(ran.out.contains(&part), "{part}: {}", ran.out);
    }
}

#[test]
fn a_job_or_a_directory_is_looked_at_alone() {
    let place = place();
    let name = edit(&place, "b_output.jsonl", |text| text + "{}\n");
    let directory = format!("processed/{}", name.split('/').next().unwrap());
    let ran = place.run(&["audit", &directory]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("in all: 1 job,") && ran.out.contains(":4: unreadable_line"), "{}", ran.out);

    let status = place.run(&["status", "--json"]);
    let jobs = status.json()[0]["jobs"].as_array().unwrap().clone();
    let key = |file: &str| {
        let job = jobs.iter().find(|job| job["path"].as_str().unwrap().ends_with(file)).unwrap();
        job["job"].as_str().unwrap().to_owned()
    };
    let ran = place.run(&["audit", &key("a.jsonl")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = place.run(&["audit", &key("b.jsonl")]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
}

#[test]
fn what_is_no_place_of_results_is_refused() {
    let place = place();
    let ran = place.run(&["audit", "./inbox"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("below lake.processed or lake.error"), "{}", ran.err);
    let ran = place.run(&["audit", "ffff"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let ran = place.run(&["audit", "./nowhere"]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    std::fs::create_dir(place.path("processed/empty")).unwrap();
    let ran = place.run(&["audit", "processed/empty"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.out.contains("there is no manifest"), "{}", ran.out);
}
