//! The page of a rollout in a real browser, without a screen. Run by `make pages`, which sees to it that there is one.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

use crate::report_page::{failed, page};
use crate::support::recording;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Written by the page itself once it is laid out: what is wider than the window, by name.
const MEASURE: &str = "<script>addEventListener('load', () => {
  const wide = [...document.querySelectorAll('body *')].filter(it => {
    const box = it.getBoundingClientRect();
    return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !it.closest('.track');
  }).map(it => it.tagName + '.' + it.className);
  const scrolls = document.documentElement.scrollWidth > innerWidth;
  const dark = getComputedStyle(document.body).backgroundColor;
  document.title = JSON.stringify({ width: innerWidth, wide, scrolls, dark, text: document.body.innerText.length });
});</script></body>";

fn browser() -> PathBuf {
    let path = std::env::var_os("PATH").expect("a PATH");
    let found = std::env::split_paths(&path).flat_map(|directory| BROWSERS.map(|name| directory.join(name)));
    found.into_iter().find(|file| file.is_file()).expect("a browser: run `make pages`")
}

/// Opens a page in a window of this width; what it measured, and what was said on the console.
fn open(file: &Path, width: u32, is_dark: bool) -> (serde_json::Value, Vec<String>) {
    let profile = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(browser());
    // The narrowest window of a headless browser is wider than a phone: the page is put into a frame of that width.
    let frame = file.with_extension("frame.html");
    std::fs::write(
        &frame,
        format!(
            "<!doctype html><title>-</title><iframe id=it src='{}' style='width:{width}px;height:4000px;border:0'></iframe>\
             <script>it.onload = () => setTimeout(() => document.title = it.contentDocument.title, 50)</script>",
            file.file_name().and_then(|name| name.to_str()).expect("a name")
        ),
    )
    .expect("a file");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]);
    command.args(["--allow-file-access-from-files", "--virtual-time-budget=3000", "--window-size=1400,1000"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    if is_dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    let output = command.arg(format!("file://{}", frame.display())).output().expect("the browser runs");
    let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap_or_default();
    let measured = serde_json::from_str(&title.replace("&quot;", "\"")).unwrap_or_else(|_| panic!("{title}\n{said}"));
    let console = said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    (measured, console)
}

#[test]
#[ignore = "needs a browser: make pages"]
fn pages_are_readable_at_every_width_in_light_and_dark_and_nothing_complains() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = [
        ("completed", page(&recording::completed())),
        ("rolled-back", page(&recording::rolled_back())),
        ("canary", page(&recording::canary())),
        ("hostile", page(&failed())),
    ];
    let kept = std::env::var_os("SHIPCTL_PAGES").map(PathBuf::from);
    for (name, page) in pages {
        if let Some(kept) = &kept {
            std::fs::write(kept.join(format!("{name}.html")), &page).expect("a file");
        }
        // As it is, its policy keeps every script out, also ours; what it says is looked at first.
        let file = directory.path().join(format!("{name}.html"));
        std::fs::write(&file, &page).expect("a file");
        let mut plain = Command::new(browser());
        let profile = tempfile::tempdir().expect("a directory");
        plain.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]);
        plain.arg(format!("--user-data-dir={}", profile.path().display()));
        let output = plain.arg(format!("file://{}", file.display())).output().expect("the browser runs");
        let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(dom.contains("What each host did"), "{name}: {said}");
        assert!(!said.contains(":CONSOLE"), "{name}: {said}");

        let (policy, rest) = page.split_once("<meta http-equiv=\"Content-Security-Policy\"").expect("a policy");
        let rest = rest.split_once('>').expect("its end").1;
        let measured = format!("{policy}{rest}").replace("</body>", MEASURE).replace("<details ", "<details open ");
        std::fs::write(&file, measured).expect("a file");
        let mut grounds = Vec::new();
        for (width, is_dark) in [(390, false), (390, true), (768, false), (1280, false)] {
            let (found, console) = open(&file, width, is_dark);
            assert_eq!(console, Vec::<String>::new(), "{name} at {width}");
            assert_eq!(found["width"], width, "{name}: {found}");
            assert_eq!(found["wide"], serde_json::json!([]), "{name} at {width}: wider than the window");
            assert_eq!(found["scrolls"], false, "{name} at {width}: {found}");
            grounds.push(found["dark"].clone());
        }
        assert_ne!(grounds[0], grounds[1], "{name}: dark is another colour");
    }
}
