//! Kamal's configuration of the kind that teams have: roles, accessories, destinations, and ERB.

use insta::assert_snapshot;
use shipctl::environment::SecretSource;

use crate::import_support::{Fixture, first_plan};

#[test]
fn a_rails_application_with_jobs_and_accessories() {
    let fixture = Fixture::new("kamal-rails");
    let report = fixture.import(&["kamal", "config/deploy.yml"]);
    assert_snapshot!(report, @"REPORT rails");
    assert_snapshot!(fixture.read("environments/base.yml"), @"FILE rails environments/base.yml");
    assert_snapshot!(fixture.read("environments/prod.yml"), @"FILE rails environments/prod.yml");
    let environment = fixture.environment("prod");
    assert_snapshot!(first_plan(&environment), @"PLAN rails");
    // A dollar is a dollar, as it was for Kamal.
    assert_eq!(environment.services["web"].runtime.environment["PRICE"], "$5");
    let name = "primary_database_url".parse().expect("a name");
    assert_eq!(environment.secrets[&name], SecretSource::Variable("PRIMARY_DATABASE_URL".to_owned()));
}

#[test]
fn a_destination_lies_over_the_file() {
    let fixture = Fixture::new("kamal-rails");
    let report = fixture.import(&["kamal", "config/deploy.yml", "staging"]);
    assert!(report.contains("proxy.host (config/deploy.staging.yml:8)"), "{report}");
    let environment = fixture.environment("staging");
    assert_eq!(environment.hosts.len(), 1);
    assert_eq!(environment.services["web"].runtime.environment["RAILS_LOG_LEVEL"], "debug");
    assert_eq!(environment.services["web"].runtime.environment["DB_HOST"], "192.168.0.4");
    assert_snapshot!(fixture.read("environments/staging.yml"), @"FILE rails-staging environments/staging.yml");
    assert_snapshot!(first_plan(&environment), @"PLAN rails-staging");
}

#[test]
fn tags_labels_a_builder_and_an_accessory_everywhere() {
    let fixture = Fixture::new("kamal-roles");
    let report = fixture.import(&["kamal", "config/deploy.yml"]);
    assert_snapshot!(report, @"REPORT roles");
    fixture.write(".env", "DO_TOKEN=x\n");
    let environment = fixture.environment("prod");
    assert_snapshot!(fixture.read("environments/prod.yml"), @"FILE roles environments/prod.yml");
    assert_snapshot!(first_plan(&environment), @"PLAN roles");
    assert_eq!(environment.services["web"].image, "hotwire/demo");
}

#[test]
fn erb_is_not_evaluated() {
    let fixture = Fixture::new("kamal-erb");
    let report = fixture.import(&["kamal", "config/deploy.yml", "--environment", "live"]);
    assert_snapshot!(report, @"REPORT erb");
    fixture.write(".env", "IMAGE_NAME=acme/api\nWEB_HOST=web.internal\n");
    let environment = fixture.environment("live");
    assert_snapshot!(first_plan(&environment), @"PLAN erb");
    // No password of the file is in the project.
    assert!(!fixture.read("environments/live.yml").contains("hunter2"));
    assert!(!report.contains("hunter2"));
}

#[test]
fn what_cannot_be_translated_at_all_is_bad_input() {
    for (file, words) in [
        ("service: <%= name %>\nimage: a/b\nservers: [10.0.0.1]\n", "`service` is missing"),
        ("service: shop\nimage: a/b\n", "`services`"),
        ("service: [\n", "config/deploy.yml:"),
    ] {
        let fixture = Fixture::of(&[("config/deploy.yml", file)]);
        let (code, stdout, stderr) = fixture.shipctl(&["import", "kamal", "config/deploy.yml"]);
        assert_eq!((code, stdout.as_str()), (2, ""), "{file}");
        assert!(stderr.contains(words), "{file}: {stderr}");
    }
    let fixture = Fixture::new("kamal-erb");
    let (code, _, stderr) = fixture.shipctl(&["import", "kamal", "config/deploy.yml", "production"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot read config/deploy.production.yml"), "{stderr}");
}
