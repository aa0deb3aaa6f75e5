//! What to call a device: its program and its system, as far as the user agent tells.

/// Programs by the word that gives them away; the first that is found counts, for most of them also
/// call themselves by the names below.
const PROGRAMS: [(&str, &str); 12] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("Electron/", "a desktop app"),
];
/// Systems, likewise.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];
/// What is shown where the program does not say what it is.
const UNKNOWN: &str = "an unknown device";
/// The most characters of a name that a program gave itself.
const LONGEST: usize = 40;

/// What to call the device behind a user agent: `Firefox on Linux`, `curl`. Versions are left out, so
/// that an update does not make another device of it.
#[must_use]
pub fn device_name(user_agent: &str) -> String {
    let find = |known: &[(&str, &'static str)]| {
        known.iter().find(|(word, _)| user_agent.contains(word)).map(|(_, name)| *name)
    };
    match (find(&PROGRAMS), find(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(program), None) => program.to_owned(),
        (None, system) => own_name(user_agent, system),
    }
}

/// The first product of a user agent (RFC 9110, section 10.1.5), without its version.
fn own_name(user_agent: &str, system: Option<&str>) -> String {
    let first = user_agent.split([' ', '/', '(']).next().unwrap_or_default();
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '!');
    let name: String = first.chars().filter(is_plain).take(LONGEST).collect();
    match (name.as_str(), system) {
        ("" | "Mozilla", Some(system)) => system.to_owned(),
        ("" | "Mozilla", None) => UNKNOWN.to_owned(),
        (_, Some(system)) => format!("{name} on {system}"),
        (_, None) => name,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::device_name;

    #[test]
    fn browsers_and_programs_are_told_by_their_user_agents() {
        for (user_agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/136.0.0.0 Safari/537.36 Edg/136.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/136.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            ("curl/8.9.1", "curl"),
            ("python-requests/2.32.3", "python-requests"),
            ("annals-cli/1.0 (Linux)", "annals-cli on Linux"),
            ("Mozilla/5.0 (compatible)", "an unknown device"),
            ("<script>alert(1)</script>", "scriptalert"),
            ("", "an unknown device"),
        ] {
            assert_eq!(device_name(user_agent), name, "{user_agent}");
        }
    }

    #[test]
    fn an_update_of_the_program_does_not_make_another_device() {
        let of_version =
            |version| device_name(&format!("Mozilla/5.0 (X11; Linux) Firefox/{version}"));

        assert_eq!(of_version("138.0"), of_version("139.0"));
    }

    proptest! {
        #[test]
        fn whatever_a_program_calls_itself_its_name_is_short_and_plain(user_agent in any::<String>()) {
            let name = device_name(&user_agent);

            prop_assert!((1..=60).contains(&name.len()), "{name}");
            prop_assert!(name.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{name}");
        }
    }
}
