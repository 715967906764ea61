//! Which keys a database was written with. A process reads it when it starts and now and then, and never looks through
//! the sealed values themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::web::Data;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use zeroize::Zeroizing;

use super::store;
use crate::app::App;
use crate::cause;
use crate::db::Db;
use crate::keys::{Keys, Secrets, mark};

/// How often a process asks which key seals.
const LOOK: Duration = Duration::from_secs(10);

/// After so long every process that runs knows which key seals, and what it sealed before with another is committed.
pub const SETTLED: TimeDelta = TimeDelta::seconds(60);

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// It seals columns and photos.
    Data,
    /// It makes blind indexes. There is one.
    Index,
    /// It signs codes on paper.
    Print,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Data, Self::Index, Self::Print];

    /// As it stands in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Index => "index",
            Self::Print => "print",
        }
    }

    /// The setting that names it.
    fn variable(self) -> &'static str {
        match self {
            Self::Data => "MUZI_DATA_KEYS",
            Self::Index => "MUZI_INDEX_KEY",
            Self::Print => "MUZI_PRINT_KEYS",
        }
    }

    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }
}

/// What a key of the database does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is known to those that serve, and seals nothing yet.
    Next,
    /// It seals.
    Active,
    /// It opens what it sealed.
    DecryptOnly,
    /// It seals nothing any more.
    Destroyed,
}

impl State {
    const ALL: [Self; 4] = [Self::Next, Self::Active, Self::DecryptOnly, Self::Destroyed];

    /// As it stands in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::DecryptOnly => "decrypt_only",
            Self::Destroyed => "destroyed",
        }
    }

    pub(crate) fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A key that a database was written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InUse {
    /// What it is for.
    pub purpose: Purpose,
    /// Its id; that of the index key is 1.
    pub id: u8,
    /// What it does.
    pub state: State,
    /// By what it is known again.
    pub mark: Vec<u8>,
    /// Since when it does so.
    pub changed_at: DateTime<Utc>,
}

impl InUse {
    /// Whether something in the database was made with it.
    pub fn is_needed(&self) -> bool {
        matches!(self.state, State::Active | State::DecryptOnly)
    }
}

/// The marks of the keys that a process was given.
#[derive(Debug, Clone, Default)]
pub struct Given(BTreeMap<(Purpose, u8), Vec<u8>>);

impl Given {
    /// Those of a complete set of secrets.
    pub fn of(secrets: &Secrets) -> Self {
        let mut given = Self::of_data(&secrets.data);
        given.0.extend(secrets.print.iter().map(|(id, key)| ((Purpose::Print, *id), mark(key))));
        given.0.insert((Purpose::Index, 1), mark(&secrets.index));
        given
    }

    /// Those of data keys alone.
    pub fn of_data(keys: &BTreeMap<u8, Zeroizing<[u8; 32]>>) -> Self {
        Self(keys.iter().map(|(id, key)| ((Purpose::Data, *id), mark(key))).collect())
    }

    /// Whether a key of the database is one of them, by its mark and not by its id alone.
    fn has(&self, key: &InUse) -> bool {
        self.0.get(&(key.purpose, key.id)) == Some(&key.mark)
    }

    fn of_purpose(&self, purpose: Purpose) -> impl DoubleEndedIterator<Item = (u8, &Vec<u8>)> {
        self.0.iter().filter(move |((of, _), _)| *of == purpose).map(|((_, id), mark)| (*id, mark))
    }
}

/// Why a process with these keys must not serve a database that was written with those: every reason.
pub fn refusals(in_use: &[InUse], given: &Given) -> Vec<String> {
    in_use.iter().filter_map(|key| refusal(key, given)).collect()
}

fn refusal(key: &InUse, given: &Given) -> Option<String> {
    let (variable, id) = (key.purpose.variable(), key.id);
    let is_same = given.has(key);
    match (key.purpose, given.0.get(&(key.purpose, id))) {
        (Purpose::Data, Some(_)) if key.state == State::Destroyed && !is_same => Some(format!(
            "{variable}: the id {id} was that of a key that was dropped; give the new key another"
        )),
        _ if is_same || !key.is_needed() => None,
        (Purpose::Data, None) => {
            Some(format!("{variable}: the database holds values sealed with key {id}, which is not given"))
        }
        (Purpose::Data, Some(_)) => {
            Some(format!("{variable}: key {id} is not the key {id} with which this database was sealed"))
        }
        (Purpose::Print, None) => Some(format!(
            "{variable}: codes on paper were signed with key {id}, which is not given; they are checked for ever"
        )),
        (Purpose::Print, Some(_)) => Some(format!(
            "{variable}: key {id} is not the key {id} that signed this database's codes on paper"
        )),
        (Purpose::Index, _) => Some(format!(
            "{variable}: not the key with which this database was indexed: nobody would be found again"
        )),
    }
}

/// The keys of a database.
pub async fn read(db: &impl ConnectionTrait) -> Result<Vec<InUse>, DbErr> {
    store::all(db).await
}

/// Writes down the keys that a process was given and the database does not know, and seals with the one that the
/// database says. In an empty list, the newest data key seals at once and the others may have sealed before; later a
/// new one waits for `muzi keys rotate`, because others that serve may not have it yet. `serves` says that the process
/// is one of those that serve.
///
/// Gives every reason why it must not go on, as they stand afterwards: another process may have written down another key
/// under the same id at the same moment.
pub async fn take_up(
    db: &Db,
    secrets: &Secrets,
    keys: &Keys,
    serves: bool,
    now: DateTime<Utc>,
) -> Result<Vec<String>, DbErr> {
    let given = Given::of(secrets);
    let mut in_use = read(db.read()).await?;
    let news = unknown(&in_use, &given, serves, now);
    if !news.is_empty() {
        let txn = db.begin().await?;
        for key in &news {
            store::keep(&txn, key).await?;
        }
        txn.commit().await?;
        in_use = read(db.write()).await?;
    }
    follow(&in_use, &given, keys);
    Ok(refusals(&in_use, &given))
}

/// What is given and not written down.
fn unknown(in_use: &[InUse], given: &Given, serves: bool, now: DateTime<Utc>) -> Vec<InUse> {
    let mut news = Vec::new();
    for purpose in Purpose::ALL {
        let known = |id| in_use.iter().find(|key| (key.purpose, key.id) == (purpose, id));
        let is_first = !in_use.iter().any(|key| key.purpose == purpose);
        let newest = given.of_purpose(purpose).next_back().map(|(id, _)| id);
        for (id, mark) in given.of_purpose(purpose) {
            let state = match purpose {
                Purpose::Index | Purpose::Print => State::Active,
                Purpose::Data if !is_first => State::Next,
                Purpose::Data if Some(id) == newest => State::Active,
                Purpose::Data => State::DecryptOnly,
            };
            let is_new = match known(id) {
                None => state != State::Next || serves,
                // It sealed nothing: it may still be another.
                Some(key) => key.state == State::Next && key.mark != *mark && serves,
            };
            if is_new {
                news.push(InUse { purpose, id, state, mark: mark.clone(), changed_at: now });
            }
        }
    }
    news
}

/// Writes down that data keys are needed to open what they sealed, in a database that does not know them or knows them to
/// wait.
pub async fn need(db: &Db, keys: &[InUse]) -> Result<(), DbErr> {
    if keys.is_empty() {
        return Ok(());
    }
    let txn = db.begin().await?;
    for key in keys {
        store::keep(&txn, key).await?;
        store::set_state(&txn, key.id, State::DecryptOnly, key.changed_at).await?;
    }
    txn.commit().await
}

/// Seals with the active data key. One of the same id and another mark is not that key: what it would seal nobody else
/// could open.
pub fn follow(in_use: &[InUse], given: &Given, keys: &Keys) {
    let Some(active) = active_data_key(in_use) else { return };
    if given.has(active) && keys.seal_with(active.id) {
        return;
    }
    keys.fall_behind();
    tracing::error!(
        key = active.id,
        "another data key seals than this process was given: restart it with MUZI_DATA_KEYS as the others have it"
    );
}

/// The id of the data key that seals.
pub fn active(in_use: &[InUse]) -> Option<u8> {
    active_data_key(in_use).map(|key| key.id)
}

fn active_data_key(in_use: &[InUse]) -> Option<&InUse> {
    in_use.iter().find(|key| key.purpose == Purpose::Data && key.state == State::Active)
}

/// Asks which key seals.
pub async fn look(app: &App) -> Result<(), DbErr> {
    follow(&read(app.db.read()).await?, &Given::of(&app.config.secrets), &app.keys);
    Ok(())
}

/// Asks now and then, until the process stops.
pub async fn keep_looking(app: Data<App>) {
    let mut stopping = app.stopping.clone();
    loop {
        tokio::select! {
            _ = stopping.changed() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(err) = look(&app).await {
            tracing::warn!(cause = cause::told(&err), "which key seals could not be read; asking again");
        }
    }
}

/// Makes a key that waits the one that seals, if it is the very key that was given: those that serve may wait for another
/// under the same id. Says since when it is so.
pub async fn activate(db: &Db, id: u8, given: &Given, now: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
    let another = || {
        anyhow::anyhow!(
            "data key {id} is not the key {id} of those that serve: give every process the same MUZI_DATA_KEYS, and restart those that were mistaken"
        )
    };
    let txn = db.begin().await?;
    let in_use = read(&txn).await?;
    let known = in_use.iter().find(|key| (key.purpose, key.id) == (Purpose::Data, id));
    let known = known.ok_or_else(|| {
        anyhow::anyhow!(
            "data key {id} is not known to any process that serves: restart every one of them with it first (or say --offline when none runs)"
        )
    })?;
    if matches!(known.state, State::DecryptOnly | State::Destroyed) {
        anyhow::bail!("data key {id} sealed before and is not taken up again: add a key with a higher id");
    }
    if !given.has(known) {
        return Err(another());
    }
    if known.state == State::Active {
        return Ok(known.changed_at);
    }
    if let Some(before) = active(&in_use) {
        store::set_state(&txn, before, State::DecryptOnly, now).await?;
    }
    // A process that starts at this moment may put another key in its place.
    if !store::activate(&txn, id, &known.mark, now).await? {
        return Err(another());
    }
    txn.commit().await?;
    Ok(now)
}

/// Writes down that a key seals nothing any more, if it was one that only opens; says whether it was.
pub async fn destroy(db: &Db, id: u8, now: DateTime<Utc>) -> Result<bool, DbErr> {
    store::destroy(db.write(), id, now).await
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn secrets(data: &[(u8, u8)]) -> Secrets {
        let some = |pairs: &[(u8, u8)]| -> BTreeMap<u8, _> {
            pairs.iter().map(|(id, byte)| (*id, Zeroizing::new([*byte; 32]))).collect()
        };
        Secrets {
            data: some(data),
            index: Zeroizing::new([100; 32]),
            print: some(&[(1, 101)]),
            token: some(&[(1, 102)]),
            audit: some(&[(1, 103)]),
            backup: None,
        }
    }

    fn first(data: &[(u8, u8)]) -> Vec<InUse> {
        unknown(&[], &Given::of(&secrets(data)), true, DateTime::UNIX_EPOCH)
    }

    fn states(keys: &[InUse]) -> Vec<(u8, State)> {
        keys.iter().filter(|key| key.purpose == Purpose::Data).map(|key| (key.id, key.state)).collect()
    }

    #[test]
    fn the_first_process_writes_down_what_it_was_given_and_the_newest_seals() {
        let keys = first(&[(1, 1), (3, 3)]);
        assert_eq!(states(&keys), [(1, State::DecryptOnly), (3, State::Active)]);
        assert_eq!(keys.len(), 4, "the index key and the print key too");
        assert_eq!(active(&keys), Some(3));
        assert_eq!(refusals(&keys, &Given::of(&secrets(&[(1, 1), (3, 3)]))), Vec::<String>::new());
    }

    #[test]
    fn a_key_that_comes_later_waits_until_those_that_serve_know_it() {
        let (keys, given) = (first(&[(1, 1)]), Given::of(&secrets(&[(1, 1), (2, 2)])));
        assert_eq!(states(&unknown(&keys, &given, true, DateTime::UNIX_EPOCH)), [(2, State::Next)]);
        assert_eq!(states(&unknown(&keys, &given, false, DateTime::UNIX_EPOCH)), []);
        let mut waiting = keys;
        waiting.extend(unknown(&waiting, &given, true, DateTime::UNIX_EPOCH));
        assert_eq!(unknown(&waiting, &given, true, DateTime::UNIX_EPOCH), []);
        assert_eq!(
            refusals(&waiting, &Given::of(&secrets(&[(1, 1)]))),
            Vec::<String>::new(),
            "it sealed nothing"
        );
        let another = Given::of(&secrets(&[(1, 1), (2, 22)]));
        assert_eq!(states(&unknown(&waiting, &another, true, DateTime::UNIX_EPOCH)), [(2, State::Next)]);
    }

    #[test]
    fn a_key_that_seals_is_followed_by_its_mark_and_not_by_its_id() {
        let mut in_use = first(&[(1, 1)]);
        let ours = secrets(&[(1, 1), (2, 2)]);
        let (keys, given) = (Keys::new(&ours).unwrap(), Given::of(&ours));
        follow(&in_use, &given, &keys);
        assert_eq!((keys.sealing(), keys.is_behind()), (1, false));
        in_use[0].state = State::DecryptOnly;
        let theirs = unknown(&[], &Given::of(&secrets(&[(2, 22)])), true, DateTime::UNIX_EPOCH);
        in_use.insert(1, theirs[0].clone());
        follow(&in_use, &given, &keys);
        assert_eq!((keys.sealing(), keys.is_behind()), (1, true), "key 2 of the others is not ours");
        in_use[1].mark = mark(&ours.data[&2]);
        follow(&in_use, &given, &keys);
        assert_eq!((keys.sealing(), keys.is_behind()), (2, false));
    }

    #[test]
    fn a_lost_or_mistaken_key_of_any_purpose_is_refused_by_name() {
        let mut keys = first(&[(1, 1), (2, 2)]);
        let mut wrong = secrets(&[(2, 22)]);
        wrong.index = Zeroizing::new([1; 32]);
        wrong.print = BTreeMap::from([(2, Zeroizing::new([9; 32]))]);
        let told = refusals(&keys, &Given::of(&wrong)).join("\n");
        for part in [
            "sealed with key 1, which is not given",
            "key 2 is not the key 2",
            "MUZI_INDEX_KEY",
            "signed with key 1",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        keys[0].state = State::Destroyed;
        assert_eq!(refusals(&keys, &Given::of(&secrets(&[(2, 2)]))), Vec::<String>::new());
        let told = refusals(&keys, &Given::of(&secrets(&[(1, 11), (2, 2)])));
        assert!(told.len() == 1 && told[0].contains("give the new key another"), "{told:?}");
    }
}
