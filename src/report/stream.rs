//! Lines of containers and hosts on standard output, as they come: for people behind the host's name, for programs an object
//! each.

use std::io::{self, BufWriter, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Color, Style};

use crate::console::{HostLine, Line};
use crate::name::HostName;

use super::{Format, Reporter, json};

/// Colours that tell hosts apart; none that says that something is wrong.
const COLOURS: [AnsiColor; 8] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Yellow,
    AnsiColor::BrightCyan,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlue,
];

/// What stands in front of lines.
#[derive(Debug, Clone, Default)]
pub struct Prefix {
    /// Hosts in the order that their colours go by.
    pub hosts: Vec<HostName>,
    /// Characters for names of services; 0 where they are not shown.
    pub services: usize,
    /// Whether nothing stands there at all.
    pub none: bool,
    /// Whether times are shown.
    pub times: bool,
    /// Whether numbers of releases are shown.
    pub releases: bool,
}

impl Prefix {
    /// The text, styled.
    fn of(&self, line: &Line) -> String {
        let mut words = String::new();
        if self.times {
            words = format!("{} ", line.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
        }
        if self.none {
            return words;
        }
        let mut name = self.padded(&line.host);
        if self.services > 0 {
            name = format!("{name} {:width$}", line.service, width = self.services);
        }
        if self.releases {
            name = format!("{name} {:4}", format!("r{}", line.release));
        }
        words + &self.styled(&line.host, &name)
    }

    /// The same for a line of a host itself.
    fn of_host(&self, host: &HostName) -> String {
        if self.none { String::new() } else { self.styled(host, &self.padded(host)) }
    }

    fn padded(&self, host: &HostName) -> String {
        let width = self.hosts.iter().map(|host| host.as_str().len()).max().unwrap_or(0);
        format!("{host:width$}")
    }

    fn styled(&self, host: &HostName, name: &str) -> String {
        let style = self.style(host);
        format!("{style}{name} |{style:#} ")
    }

    /// A host has its colour by its place in the manifest, in every run.
    fn style(&self, host: &HostName) -> Style {
        let place = self.hosts.iter().position(|other| other == host).unwrap_or(0);
        Style::new().fg_color(Some(Color::Ansi(COLOURS[place % COLOURS.len()])))
    }
}

/// Writes lines to standard output.
pub struct Lines {
    out: BufWriter<Box<dyn Write + Send>>,
    prefix: Prefix,
    is_json: bool,
    count: u64,
}

impl Reporter {
    /// The way for lines of containers.
    pub fn lines(&self, prefix: Prefix) -> Lines {
        let out: Box<dyn Write + Send> = match self.format {
            Format::Json => Box::new(io::stdout()),
            Format::Plain => Box::new(AutoStream::never(io::stdout())),
            Format::Human => Box::new(anstream::stdout()),
        };
        Lines::new(out, prefix, self.format == Format::Json)
    }
}

impl Lines {
    /// Writes to `out`.
    pub fn new(out: Box<dyn Write + Send>, prefix: Prefix, is_json: bool) -> Self {
        Self { out: BufWriter::new(out), prefix, is_json, count: 0 }
    }

    /// Writes a line, which nobody may read before [`Self::flush`]. An error means that nobody reads them any more.
    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        self.count += 1;
        if self.is_json {
            return json::write_object(&mut self.out, line);
        }
        writeln!(self.out, "{}{}", self.prefix.of(line), line.line)
    }

    /// The same for a line of a host itself.
    pub fn write_of_host(&mut self, line: &HostLine) -> io::Result<()> {
        self.count += 1;
        if self.is_json {
            return json::write_object(&mut self.out, line);
        }
        writeln!(self.out, "{}{}", self.prefix.of_host(&line.host), line.line)
    }

    /// The same, which is another object for programs.
    pub fn write_as(&mut self, line: &Line, object: &impl serde::Serialize) -> io::Result<()> {
        if !self.is_json {
            return self.write(line);
        }
        self.count += 1;
        json::write_object(&mut self.out, object)
    }

    /// Shows what was written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// How many were written.
    pub fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::console::Stream;

    fn line(host: &str, text: &str) -> Line {
        Line {
            at: "2026-05-07T21:09:36.123456789Z".parse().unwrap(),
            host: host.parse().unwrap(),
            service: "web".parse().unwrap(),
            release: 12,
            container: "shop-prod-web-ab".to_owned(),
            stream: Stream::Stdout,
            line: text.to_owned(),
        }
    }

    #[test]
    fn hosts_stand_in_front_of_lines_each_in_its_colour() {
        let hosts = vec!["web1".parse().unwrap(), "edge-1".parse().unwrap()];
        let shown = |prefix: &Prefix, host: &str| {
            let text = prefix.of(&line(host, ""));
            (anstream::adapter::strip_str(&text).to_string(), text.len())
        };
        let prefix = Prefix { hosts, ..Prefix::default() };
        assert_eq!(shown(&prefix, "web1").0, "web1   | ");
        assert_ne!(prefix.of(&line("web1", "")).split('w').next(), prefix.of(&line("edge-1", "")).split('e').next());
        let all = Prefix { services: 5, times: true, releases: true, ..prefix.clone() };
        assert_eq!(shown(&all, "edge-1").0, "2026-05-07T21:09:36.123Z edge-1 web   r12  | ");
        assert_eq!(shown(&Prefix { none: true, ..all }, "web1").0, "2026-05-07T21:09:36.123Z ");
        assert_eq!(shown(&Prefix { none: true, ..prefix.clone() }, "web1"), (String::new(), 0));
        let of_host = prefix.of_host(&"web1".parse().unwrap());
        assert_eq!(anstream::adapter::strip_str(&of_host).to_string(), "web1   | ", "the same without a container");
    }
}
