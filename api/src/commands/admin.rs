//! `muzi admin create`: the first system administrator, made at the server itself.

use std::io::{BufRead, IsTerminal};

use clap::{Args, Subcommand};
use domain::access::Role;
use domain::audit::Kind;
use domain::credential::{UserName, check_password};
use domain::id::StaffId;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{app_at_the_server, resolve};
use crate::app::App;
use crate::audit::{Event, Events, machine_user};
use crate::config::Settings;
use crate::form::Form;
use crate::offices::staff::store::{NewStaff, insert_all, with_user_names};
use crate::offices::staff::{Facts, Giver, find_post};

/// Arguments of `muzi admin`.
#[derive(Debug, Args)]
pub struct Admin {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a system administrator; the password is asked for, or read as one line from standard input
    Create(Create),
}

#[derive(Debug, Args)]
struct Create {
    /// Name to sign in with: 3 to 40 of a-z, 0-9, dot, underscore, hyphen
    #[arg(long, value_name = "NAME")]
    user_name: String,
    /// Full name [default: the user name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

impl Admin {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let Action::Create(create) = self.action;
        create.run().await
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let user_name = UserName::parse(&self.user_name)?;
        let app = app_at_the_server(resolve(&self.settings, false).await?).await?;
        let taken = with_user_names(app.db.read(), [user_name.as_str()]).await?;
        anyhow::ensure!(taken.is_empty(), "the user name {} is taken", user_name.as_str());
        let password = ask_password()?;
        check_password(&password, user_name.as_str())?;
        create(&app, &user_name, self.name.as_deref(), &password).await?;
        println!("System administrator {} can sign in.", user_name.as_str());
        app.db.close().await?;
        Ok(())
    }
}

/// Makes a system administrator with a password of their own, which need not be changed.
async fn create(app: &App, user_name: &UserName, name: Option<&str>, password: &str) -> anyhow::Result<()> {
    let facts = Facts {
        name: name.unwrap_or(user_name.as_str()).to_owned(),
        title: Role::SystemAdministrator.zh().to_owned(),
        roles: vec![Role::SystemAdministrator],
        institution: None,
        region: None,
        trained_on: None,
    };
    let mut form = Form::default();
    let facts = facts.checked(&mut form, app.today());
    anyhow::ensure!(form.is_right(), "--name: 1 to 50 characters are allowed");
    let password_hash = app.passwords.hash(password.to_owned()).await?;

    let txn = app.db.begin().await?;
    let post = find_post(&txn, &Giver::at_the_server(), &facts).await?;
    let new = NewStaff {
        id: StaffId(Uuid::now_v7()),
        user_name: user_name.as_str().to_owned(),
        facts,
        post,
        password_hash,
        password_issued: false,
        made_by: None,
    };
    let did = Event::by_command(&machine_user(), Kind::Write, "admin_create").on(new.id);
    insert_all(&txn, [new.into_row(&app.keys, app.now())?]).await?;
    Events::from(did).write(&txn, app.now()).await?;
    txn.commit().await?;
    Ok(())
}

/// Asks twice at a terminal, where nothing is shown; else reads one line, so that a script can send it.
fn ask_password() -> anyhow::Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        let password = Zeroizing::new(rpassword::prompt_password("Password: ")?);
        let again = Zeroizing::new(rpassword::prompt_password("Again: ")?);
        anyhow::ensure!(password == again, "the two passwords differ");
        return Ok(password);
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
