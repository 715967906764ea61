//! What happens on the phones and at WeChat, played by a test or a demo.

use chrono::TimeDelta;

use super::{
    Entry, Fault,
    accounts::{CodeKind, Identity, Phone},
    world::SharedWorld,
};
use crate::{
    clock::Clock,
    login::Login,
    secret::{AppSecret, PhoneNumber},
};

/// Plays the users of one stand-in, its clock and its faults. Clones play the same one.
#[derive(Clone, Debug)]
pub struct Control(SharedWorld);

impl Control {
    pub(super) fn new(world: SharedWorld) -> Self {
        Self(world)
    }

    /// Opens the account of a user, with a unionid, and says who WeChat will say the user is. The ids are the same
    /// whenever and wherever a stand-in is asked.
    pub fn user(&self, user: &str) -> Login {
        self.open(user, true)
    }

    /// Opens the account of a user who has no unionid, as when the mini-program is not bound to an Open Platform
    /// account.
    pub fn user_without_unionid(&self, user: &str) -> Login {
        self.open(user, false)
    }

    /// What `wx.login` gives the user's phone: a code for one use within five minutes. Opens the account if need be.
    pub fn login_code(&self, user: &str) -> String {
        self.0.lock().issue_code(user, CodeKind::Login)
    }

    /// What `wx.login` gives the user's phone in another mini-program.
    pub fn login_code_of_app(&self, app_id: &str, user: &str) -> String {
        self.0.lock().issue_code_of(app_id.to_owned(), user, CodeKind::Login)
    }

    /// What the phone number button gives for a number of mainland China: a code for one use within five minutes.
    pub fn phone_code(&self, user: &str, phone: &str) -> String {
        self.phone_code_abroad(user, "86", phone)
    }

    /// What the phone number button gives for a number of the country with this code.
    pub fn phone_code_abroad(&self, user: &str, country: &str, phone: &str) -> String {
        let phone = Phone { country: country.to_owned(), number: PhoneNumber::new(phone) };
        self.0.lock().issue_code(user, CodeKind::Phone(phone))
    }

    /// Moves the clock forward.
    pub fn advance(&self, seconds: u32) {
        self.0.lock().advanced += TimeDelta::seconds(seconds.into());
    }

    /// The stand-in's clock, for a client that is to live in the same time.
    pub fn clock(&self) -> Clock {
        let world = self.0.clone();
        Clock::new(move || world.lock().now())
    }

    /// The latest calls, oldest first.
    pub fn journal(&self) -> Vec<Entry> {
        self.0.lock().journal.entries()
    }

    /// How many of the latest calls were for this path.
    pub fn calls(&self, path: &str) -> usize {
        self.journal().iter().filter(|entry| entry.path == path).count()
    }

    /// Harms the next calls of a path, after those that other faults already wait for.
    pub fn fault(&self, path: &str, next: u32, fault: Fault) {
        self.0.lock().faults.set(path, next, fault);
    }

    /// Makes WeChat forget its current token, as another system's forced refresh does.
    pub fn kill_token(&self) {
        self.0.lock().tokens.kill();
    }

    /// Starts afresh: no users, no tokens, no faults, no journal, and the clock where it would be.
    pub fn reset(&self) {
        self.0.lock().reset();
    }

    pub(super) fn account(&self) -> (String, AppSecret) {
        let world = self.0.lock();
        (world.settings.app_id.clone(), world.settings.secret.clone())
    }

    fn open(&self, user: &str, has_unionid: bool) -> Login {
        let Identity { openid, unionid, .. } = self.0.lock().open_account(user, has_unionid);
        Login { openid, unionid }
    }
}
