//! No text becomes a path that climbs.

use adls_io::LakePath;
use proptest::prelude::*;

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c./\\\\%]{0,12}",
        "\\PC{0,20}",
        proptest::collection::vec(prop_oneof![Just(".."), Just("."), Just(""), Just("a"), Just("..a")], 0..6)
            .prop_map(|segments| segments.join("/")),
    ]
}

fn is_clean(path: &LakePath) -> bool {
    let text = path.as_str();
    text.is_empty() || text.split('/').all(|s| !s.is_empty() && s != "." && s != ".." && !s.contains('\0'))
}

proptest! {
    #[test]
    fn parsed_paths_are_clean_and_stay_as_they_are(text in texts()) {
        if let Ok(path) = LakePath::parse(&text) {
            prop_assert!(is_clean(&path));
            prop_assert_eq!(LakePath::parse(path.as_str()), Ok(path.clone()));
            prop_assert!(is_clean(&path.parent()));
            prop_assert_eq!(path.segments().last().unwrap_or_default(), path.file_name());
        }
    }

    #[test]
    fn joined_paths_lie_below_and_come_apart_again(above in texts(), relative in texts()) {
        let (Ok(above), Ok(below)) = (LakePath::parse(&above), LakePath::parse(&relative)) else {
            return Ok(());
        };
        let joined = above.join(&relative).unwrap();
        prop_assert!(is_clean(&joined));
        prop_assert_eq!(joined.relative_to(&above), Some(below));
    }

    #[test]
    fn what_climbs_is_refused_wherever_it_stands(before in "[a-c/]{0,6}", after in "[a-c/]{0,6}") {
        let climbing = format!("{before}/../{after}");
        prop_assert!(LakePath::parse(&climbing).is_err());
        prop_assert!(LakePath::root().join(&climbing).is_err());
    }

    #[test]
    fn a_neighbour_is_not_below(name in "[a-c]{1,4}", rest in "[a-c]{1,4}") {
        let (directory, neighbour) = (LakePath::parse(&name).unwrap(), format!("{name}{rest}/x"));
        prop_assert_eq!(LakePath::parse(&neighbour).unwrap().relative_to(&directory), None);
    }
}
