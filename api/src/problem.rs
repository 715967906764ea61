//! Every problem the API answers with (RFC 9457): code, status and both texts, in one place.
//!
//! Words in braces are filled with the arguments of the case. A text says what is wrong and what to do, and never
//! repeats personal data.

use std::convert::Infallible;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::{Ready, ready};

/// The language of an answer: `zh-CN` unless `Accept-Language` prefers English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Simplified Chinese.
    #[default]
    Chinese,
    /// English.
    English,
}

impl Language {
    /// The first of `zh` and `en` by weight in an `Accept-Language` header.
    pub fn preferred(header: Option<&str>) -> Self {
        let weight_of = |part: &str, wanted: &str| {
            let mut pieces = part.trim().split(';');
            let tag = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = pieces.find_map(|piece| piece.trim().strip_prefix("q=")?.parse::<f32>().ok());
            let fits = tag.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
            if fits { weight.unwrap_or(1.0) } else { 0.0 }
        };
        let best = |wanted| {
            header.unwrap_or_default().split(',').map(|part| weight_of(part, wanted)).fold(0.0, f32::max)
        };
        if best("en") > best("zh") { Self::English } else { Self::Chinese }
    }

    /// Picks the text of this language.
    pub fn of<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Chinese => zh,
            Self::English => en,
        }
    }
}

impl FromRequest for Language {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        ready(Ok(Self::preferred(header)))
    }
}

/// A word that fills a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// The same in both languages: a number, a day, a code.
    Same(String),
    /// One for each language.
    Each {
        /// Chinese.
        zh: String,
        /// English.
        en: String,
    },
}

impl Word {
    /// A list of words as each language writes it.
    pub fn list<'a>(words: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let (zh, en): (Vec<_>, Vec<_>) = words.unzip();
        Self::Each { zh: zh.join("、"), en: en.join(", ") }
    }

    /// The word in a language.
    pub fn of(&self, language: Language) -> &str {
        match self {
            Self::Same(word) => word,
            Self::Each { zh, en } => language.of(zh, en),
        }
    }
}

macro_rules! problems {
    ($($name:ident = $status:literal $code:literal { $title_zh:literal, $title_en:literal, $zh:literal, $en:literal })+) => {
        /// What went wrong, as a stable word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $title_en] $name,)+ }

        impl Code {
            /// Every code, for the API document and its tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable English word of the `code` member.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$name => $status),+ };
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The short text, the same for every case.
            pub const fn title(self, language: Language) -> &'static str {
                match (self, language) { $(
                    (Self::$name, Language::Chinese) => $title_zh,
                    (Self::$name, Language::English) => $title_en,
                )+ }
            }

            /// The text of the case, with words in braces to fill.
            pub const fn detail(self, language: Language) -> &'static str {
                match (self, language) { $(
                    (Self::$name, Language::Chinese) => $zh,
                    (Self::$name, Language::English) => $en,
                )+ }
            }
        }
    };
}

problems! {
    // What the framework and the conventions refuse.
    BadRequest = 400 "bad_request" { "请求有误", "Bad request", "请求格式不正确。", "The request is not well formed." }
    BadJson = 400 "bad_json" { "JSON格式错误", "Not valid JSON", "请求内容不是有效的JSON：{reason}。", "The body is not valid JSON: {reason}." }
    BadCursor = 400 "bad_cursor" { "翻页位置无效", "Not a cursor of this list", "翻页位置不属于这个列表，请从第一页重新开始。", "The cursor does not belong to this list; start again from the first page." }
    BadQuery = 400 "bad_query" { "查询参数有误", "Bad query", "有 {count} 个查询参数需要修改，见 errors。", "Parameters of the query that need mending: {count}; see errors." }
    KeyRequired = 400 "idempotency_key_required" { "缺少幂等键", "Idempotency-Key required", "请在请求头 Idempotency-Key 中给出1到128个可见字符，重发时保持不变。", "Send an Idempotency-Key header of 1 to 128 visible characters, and the same one when sending again." }
    NotSignedIn = 401 "not_signed_in" { "请先登录", "Not signed in", "请先登录，或登录已过期。", "Sign in first; the sign-in is missing or has ended." }
    WrongCredentials = 401 "wrong_credentials" { "用户名或密码不正确", "Wrong user name or password", "用户名、密码或动态口令不正确。", "The user name, password or one-time code is not right." }
    WechatCodeRefused = 401 "wechat_code_refused" { "微信登录码无效", "WeChat code refused", "微信登录码已使用或已过期，请重新获取后再试。", "The WeChat code was used or has expired; get a new one and try again." }
    CodeNeeded = 401 "totp_required" { "需要动态口令", "One-time code required", "请输入动态口令（totp）。", "Send the one-time code of your authenticator as totp." }
    RefreshRefused = 401 "refresh_refused" { "请重新登录", "Refresh refused", "登录已失效，请重新登录。", "This sign-in has ended; sign in again." }
    Forbidden = 403 "forbidden" { "无权操作", "Not allowed", "您的身份或角色无权进行此操作。", "What you are signed in as may not do this." }
    OutOfScope = 403 "out_of_scope" { "超出管辖范围", "Outside your scope", "该内容不在您的管辖范围内。", "This lies outside the region or institution you answer for." }
    PasswordChangeRequired = 403 "password_change_required" { "请先修改密码", "Change the issued password first", "您正在使用发放的初始密码，请先修改密码。", "You are using an issued password; change it first." }
    SecondFactorRequired = 403 "second_factor_required" { "需要动态口令", "Second factor required", "您的角色需要先启用动态口令。", "Your role needs a one-time code to be set up first." }
    NotFound = 404 "not_found" { "没有找到", "Not found", "没有找到您要的内容，或您无权查看。", "What you asked for does not exist, or you may not see it." }
    MethodNotAllowed = 405 "method_not_allowed" { "不支持此方法", "Method not allowed", "该地址不支持此请求方法。", "This address does not take that method." }
    Timeout = 408 "timeout" { "请求超时", "Request timed out", "请求未能及时收完，请重试。", "The request did not arrive in time; try again." }
    Conflict = 409 "conflict" { "与现状冲突", "Conflict", "与已有内容冲突，请刷新后再试。", "This conflicts with what is there; load it again." }
    IdInUse = 409 "id_in_use" { "编号已被使用", "Id already used", "该 id 已用于其他内容，请换一个新的 id。", "This id is already used for something else; take a new one." }
    InFlight = 409 "in_flight" { "相同请求处理中", "The same request is in flight", "相同的请求正在处理，请稍后重试。", "The same request is being worked on; try again shortly." }
    Stale = 412 "stale" { "内容已被修改", "Changed meanwhile", "内容已被他人修改，当前版本为 {version}，请刷新后再改。", "Somebody changed it; the current version is {version}. Load it again and repeat your change." }
    TooLarge = 413 "too_large" { "内容过大", "Too large", "请求内容超过上限 {limit}。", "The body is larger than the limit of {limit}." }
    UnsupportedMedia = 415 "unsupported_media_type" { "内容类型不支持", "Unsupported media type", "请使用 {allowed}。", "Use {allowed}." }
    Invalid = 422 "invalid" { "内容有误", "Some fields are wrong", "有 {count} 处内容需要修改，见 errors。", "Fields that need mending: {count}; see errors." }
    KeyReused = 422 "idempotency_key_reused" { "幂等键已用于其他内容", "Idempotency-Key reused", "同一个 Idempotency-Key 已用于不同的内容。", "The same Idempotency-Key came before with another body." }
    IfMatchRequired = 428 "if_match_required" { "缺少版本", "If-Match required", "修改时请在 If-Match 中带上读取时的 ETag。", "Send the ETag you read in If-Match when changing something." }
    TooManyRequests = 429 "too_many_requests" { "请求过于频繁", "Too many requests", "请求过于频繁，请在 {seconds} 秒后再试。", "Too many requests; try again in {seconds} seconds." }
    TooManyTries = 429 "too_many_tries" { "尝试次数过多", "Too many tries", "错误次数过多，请在 {seconds} 秒后再试。", "Too many wrong tries; try again in {seconds} seconds." }
    Internal = 500 "internal" { "系统错误", "Internal error", "系统出错，我们已记录。请稍后再试，并告知请求编号。", "Something went wrong on our side and was logged. Try again later and mention the request id." }
    Unavailable = 503 "unavailable" { "服务暂不可用", "Temporarily unavailable", "服务暂时不可用，请稍后再试；您的内容没有保存。", "The service is temporarily unavailable; nothing was saved. Try again shortly." }
    WechatDown = 503 "wechat_unavailable" { "微信服务暂不可用", "WeChat is unavailable", "微信服务暂时没有响应，请稍后再试。", "WeChat does not answer at the moment; try again shortly." }
    StorageFull = 507 "storage_full" { "存储空间不足", "Storage full", "服务器存储空间不足，您的内容没有保存。", "The server is out of storage; nothing was saved." }

    // Issuing.
    NoServicePoint = 409 "no_service_point" { "没有手册管理员", "No trained handbook administrator", "本机构没有指定并培训过的手册管理员，不能发放手册；请联系县级妇幼保健机构。", "This institution has no service point with a named, trained handbook administrator, so it cannot issue; ask the county MCH institution." }
    GroupNotAllowed = 403 "group_not_allowed" { "不能向该人群发放", "May not issue to this group", "县级未授权本机构向{group}发放手册。", "The county does not let this institution issue to: {group}." }
    ChildPastThree = 422 "child_past_three" { "3岁以上原则上不补发", "Three years or more", "3岁及以上儿童原则上不再补发手册；如需发放请由手册管理员填写 override_reason。", "A child of three years or more is in principle not issued a handbook; a handbook administrator gives override_reason." }
    NotOneBirth = 422 "not_one_birth" { "不是同一次分娩", "Not of one birth", "只有同一次妊娠的多胞胎共用一本手册，其他儿童请分别发放。", "Only children of one pregnancy share a handbook; issue one for each of the others." }
    ChildPastSix = 422 "child_past_six" { "超过6岁", "Past six years", "手册适用于6岁及以下儿童。", "A handbook is for children up to 6 years." }
    AlreadyHasHandbook = 409 "already_has_handbook" { "已有手册", "Already has a handbook", "该对象已有有效手册，编号 {number}。", "There is a live handbook already: number {number}." }
    NoManagingInstitution = 422 "no_managing_institution" { "现住址没有管理机构", "No managing institution for the address", "现住址所在区域尚未指定管理机构，请由县级妇幼保健机构设置。", "No institution manages the region of this address yet; the county MCH institution sets one." }
    UnknownRegion = 422 "unknown_region" { "区划代码不存在", "No such region", "区划代码 {code} 不存在。", "There is no region with code {code}." }
    NumbersUsedUp = 409 "numbers_used_up" { "编号已用完", "Numbers used up", "本县本年度的手册编号已用完。", "The handbook numbers of this county and year are used up." }

    IdNumberTaken = 409 "id_number_taken" { "身份证号已登记", "ID number already recorded", "该身份证号已登记在另一人名下，请核对证件；确属同一人时请联系县级妇幼保健机构合并。", "This ID number is recorded for another person. Check the card; if it is the same person, ask the county MCH institution to merge them." }
    NotPastSix = 422 "not_past_six" { "未满6周岁", "Not past six", "手册中没有儿童、有儿童未满6周岁或有进行中的妊娠，不能以“儿童满6周岁”结案。", "The handbook has no child, a child who is not past six, or an open pregnancy, so it is not closed for age." }

    // Claiming and members.
    IdentityDiffers = 409 "identity_differs" { "与登记的姓名不一致", "Not the recorded name", "该身份证号在其他机构登记的姓名与所填的不一致，请核对身份证；如登记有误，请到其首本手册的管理机构更正。儿童的旧手册已关闭的，可按旧手册上的姓名办理，再在新手册中更正。", "Another institution recorded another name for this ID number. Check the ID card; if what is recorded is wrong, it is put right where she has her first handbook. Of a child whose handbook is closed, give the name that stands in that handbook, then correct it in the new one." }
    IdentityElsewhere = 409 "identity_elsewhere" { "应由其他机构更正", "Another desk corrects this", "该人员还有一本更早的手册由其他机构发放和管理，身份信息请到该机构更正，或由该机构先扫码就诊。", "This person has an earlier handbook that another institution issued and manages: have identity corrected there, or scan that handbook first." }
    ClaimRefused = 422 "claim_refused" { "领取信息不符", "Claim refused", "领取码或核对信息不正确，还可以尝试 {left} 次。", "The code or the check does not fit; {left} tries are left." }
    AlreadyClaimed = 409 "already_claimed" { "手册已被领取", "Already claimed", "该手册已被领取；如手机丢失或更换账号，请到发放机构重新绑定。", "This handbook is claimed already; for a lost phone or account, go to the issuing institution to re-claim it." }
    ConsentRequired = 422 "consent_required" { "需要同意隐私说明", "Consent required", "请先阅读并同意“{purpose}”的说明（版本 {version}）。", "Read and agree to version {version} of the text first: {purpose}." }
    NotAGuardian = 403 "not_a_guardian" { "须由监护人决定", "For a guardian to decide", "这项同意涉及全家或儿童，须由手册的户主或监护人决定。", "This consent is for the family or a child: an owner or guardian of the handbook decides." }
    OnlyAnOwnerGives = 403 "only_an_owner_gives" { "须由户主再次同意", "An owner agrees again", "监护人可以撤回这项同意，再次同意须由户主操作。", "A guardian may withdraw this consent; an owner agrees again." }
    UnderFourteen = 403 "under_fourteen" { "未满十四周岁", "Under 14", "未满十四周岁，须由父母或其他监护人同意。", "Under 14 a parent or another guardian consents." }
    ClosesTheAccount = 409 "closes_the_account" { "撤回即注销账号", "To withdraw is to close the account", "撤回基本服务的同意就是注销账号：请查看各类信息的去向（/api/v1/me/closing）并确认。", "To withdraw the basic consent is to close the account: look at what becomes of everything in /api/v1/me/closing and confirm there." }
    FreshSignInRequired = 403 "fresh_sign_in_required" { "请重新登录", "Sign in anew", "为保护您的信息，请重新登录后在 {minutes} 分钟内操作。", "To protect your data, sign in anew and do this within {minutes} minutes." }
    RequestOpen = 409 "request_open" { "已有待答复的申请", "A request is open", "您对这条记录的更正申请尚未答复。", "Your request to correct this record has not been answered yet." }
    RequestAnswered = 409 "request_answered" { "申请已答复", "Answered already", "该更正申请已答复。", "This request was answered already." }
    NotAClinicians = 409 "not_a_clinicians_record" { "不是医务人员的记录", "Not a clinician's record", "家庭自己的记录请直接修改或撤回。", "Change or withdraw an entry of the family's own yourself." }
    LastOwner = 409 "last_owner" { "至少保留一名户主", "The last owner stays", "手册至少要有一名户主，请先移交；如要撤回同意，请持身份证到管理机构窗口解除绑定。", "A handbook keeps at least one owner; hand over first. To withdraw consent altogether, go to the desk of the managing institution with your ID card." }
    HandOverToWoman = 409 "hand_over_to_woman" { "请先移交给孕产妇本人", "Hand over to the woman first", "手册的成员中有经核实的孕产妇本人，不能为所有成员结束；请先将她设为户主，再注销。", "The verified woman herself is a member, so the handbook does not end for all: make her an owner first, then close the account." }
    WomanTaken = 409 "woman_taken" { "孕产妇本人已在成员中", "The woman is a member already", "手册中已有经核实的孕产妇本人。", "The woman herself is a verified member already." }
    NotTheWoman = 403 "not_the_woman" { "不是孕产妇本人", "Not the woman", "您在手册中的身份不是孕产妇本人，无需也不能核实。", "You are not in this handbook as the woman herself, so there is nothing to prove." }
    PhoneDiffers = 422 "phone_differs" { "手机号不一致", "Not the recorded phone", "微信手机号与手册登记的孕产妇手机号不一致，或手册未登记手机号，还可以尝试 {left} 次；如登记有误，请本人持身份证到窗口更正或办理领取凭条。", "WeChat's phone is not the one recorded for the woman, or none is recorded; {left} tries are left. If what is recorded is wrong, she goes to a desk with her ID card." }
    AccountTaken = 409 "account_is_another" { "账号已核实为他人", "The account is another woman's", "该微信账号已核实为另一位孕产妇本人。", "This WeChat account has proved to be another woman." }
    WomanStays = 403 "woman_stays" { "不能移除孕产妇本人", "The woman herself stays", "经核实的孕产妇本人只能由其本人退出或移交。", "The verified woman leaves or hands over by herself; nobody else removes or lowers her." }
    TooManyMembers = 409 "too_many_members" { "成员已满", "Too many members", "一本手册最多 {limit} 名成员。", "A handbook has at most {limit} members." }
    NoSuchOwner = 409 "no_such_owner" { "没有该身份的户主", "No such owner", "手册没有“{relation}”身份的户主，请核实丢失账号的人在手册中的身份。", "No owner of the handbook is: {relation}. Ask who the lost account was in it." }
    NotClaimed = 409 "not_claimed" { "手册尚未领取", "Not claimed yet", "手册尚未被领取，请补打领取凭条。", "The handbook is not claimed yet; print its slip again instead." }
    IdentityNotShown = 422 "identity_not_shown" { "身份核对不符", "Identity does not fit", "出示的身份证号与手册登记的不符或未登记，还可以尝试 {left} 次；如登记有误，请先更正身份信息。", "The ID number shown is not the one on record, or none is on record; {left} tries are left. If what is recorded is wrong, correct the identity first." }
    OtherOwners = 409 "other_owners" { "还有其他户主", "There are other owners", "手册还有其他户主，请由要退出的户主本人在手机上退出。", "The handbook has other owners; whoever wants to leave does so on the phone." }
    AlreadyMember = 409 "already_member" { "已是成员", "Already a member", "您已经是该手册的成员。", "You are a member of this handbook already." }
    InvitationRefused = 422 "invitation_refused" { "邀请无效", "Invitation refused", "邀请码不正确、已使用或已过期。", "The invitation is wrong, used or expired." }
    HandbookClosed = 409 "handbook_closed" { "手册已结案", "The handbook is closed", "手册已结案或已换发，不能再添加内容。", "The handbook is closed or replaced and takes no more records." }

    // Codes and visits.
    CodeRefused = 422 "code_refused" { "二维码无效", "Code refused", "二维码不是母子健康手册的，或识读不完整。", "This is not a handbook code, or it was read incompletely." }
    CodeExpired = 410 "code_expired" { "二维码已过期", "Code expired", "二维码已过期，请家庭在手机上刷新后重扫。", "The code has expired; ask the family to show a new one." }
    CodeUsed = 409 "code_used" { "二维码已使用", "Code used", "二维码已被扫描过，请家庭在手机上刷新后重扫。", "The code was scanned before; ask the family to show a new one." }
    CodeRevoked = 410 "code_revoked" { "二维码已作废", "Code revoked", "封面二维码已作废并重印，请使用新的二维码。", "This printed code was revoked and reprinted; use the new one." }
    LastFourRequired = 422 "last_four_required" { "需要核对后四位", "Last four required", "扫描封面码请同时填写身份证号或手机号的后四位。", "Scanning the cover needs the last four of the ID number or of the phone." }
    LastFourWrong = 422 "last_four_wrong" { "后四位不符", "Last four do not fit", "后四位不符，还可以尝试 {left} 次。", "The last four do not fit; {left} tries are left." }
    IdentityRefused = 422 "identity_refused" { "身份信息不符", "Identity refused", "身份证号、姓名（及所填手册编号）不相符，还可以尝试 {left} 次。", "The ID number and the name (and the handbook number, if given) do not fit together; {left} tries are left." }
    PrintsUsedUp = 409 "prints_used_up" { "不能再重印", "No more reprints", "封面二维码已重印255次，请换发手册。", "The cover's code was reprinted 255 times; replace the handbook." }
    AlreadyReviewed = 409 "already_reviewed" { "已复核", "Already reviewed", "已由他人复核。", "Somebody reviewed this already." }

    // Lists of persons.
    ApprovalNeeded = 403 "approval_needed" { "需要第二人审批", "Approval needed", "名单超过 {limit} 行需要第二人审批：请通过 /api/v1/exports 说明用途提出申请（只在屏幕上查看时 form 填 screen），批准后24小时内可继续查看。", "More than {limit} personal lines of a list need a second person's approval: ask for it with the purpose at /api/v1/exports (form `screen` to read on the screen only); once approved, go on reading within 24 hours." }
    OwnDisclosure = 403 "own_disclosure" { "不能审批本人的申请", "Your own request", "不能审批本人提出的申请，请由其他有权限的人员审批。", "Nobody decides on a request of their own; another authorised person does." }
    DisclosureVoid = 403 "disclosure_void" { "申请已失效", "The request is void", "您的角色、机构或辖区在申请之后有变化，请重新申请。", "Your role, institution or region changed since you asked; ask again." }
    AlreadyDecided = 409 "already_decided" { "已处理", "Decided already", "该申请已由他人处理或已过期。", "Somebody decided on this request already, or it has expired." }
    NotApproved = 409 "not_approved" { "尚未批准", "Not approved", "该申请待审批或已被拒绝，不能领取。", "The request still waits, or was refused; there is nothing to take." }
    DisclosureOver = 410 "disclosure_over" { "已领取或已过期", "Taken or expired", "名单已领取完毕或已超过有效时间，请重新申请。", "The list was taken as often as it may be, or its time is over; ask again." }
    NoFile = 409 "no_file" { "没有文件", "There is no file", "该申请只用于屏幕查看，没有可下载的文件。", "This request is for the screen only; there is no file." }
    AlreadySeen = 409 "already_seen" { "已阅", "Seen already", "已由他人标记为已阅。", "Somebody marked it as seen already." }
    ListTooLong = 422 "list_too_long" { "名单过长", "The list is too long", "名单超过每人每天可查看的 {limit} 行，请缩小范围。", "The list is longer than the {limit} lines that an account may be given in a day; narrow it." }
    TooManyLines = 429 "too_many_lines" { "已达当日上限", "Limit of the day reached", "您今天查看或导出的个人信息已达上限，县级妇幼保健机构已收到提示；请明天再试。", "You have been given as many personal lines or exports as a day allows, and the county MCH has been told; come again tomorrow." }
    TakingOne = 429 "taking_one" { "正在导出", "An export is under way", "您的另一个导出正在进行，请完成后再试。", "Another export of yours is under way; wait until it is done." }

    TicketRefused = 401 "ticket_refused" { "实时更新凭证无效", "Ticket refused", "凭证已使用或已过期，请重新获取。", "The ticket was used or has expired; get a new one." }
    StreamsFull = 503 "streams_full" { "实时连接已满", "No live stream left", "本服务的实时连接已满，请改用 after 轮询。", "This server holds as many live streams as it can; poll with after instead." }
    VisitOver = 409 "visit_over" { "就诊已结束", "The visit is over", "就诊访问已于 {ended_at} 结束，请重新扫码。", "The visit ended at {ended_at}; scan again." }

    // Records.
    KindUnknown = 422 "kind_unknown" { "没有这种记录", "No such kind of record", "没有名为 {kind} 的记录，或在 {day} 尚未启用。", "There is no kind {kind} of record, or none in force on {day}." }
    KindNotAllowed = 403 "kind_not_allowed" { "不能填写此类记录", "May not write this kind", "您在本机构的角色不能填写“{kind}”。", "Your role at this institution may not write: {kind}." }
    SubjectNotAllowed = 422 "subject_not_allowed" { "记录对象不符", "Wrong subject", "“{kind}”只能用于：{subjects}。", "{kind} is only about: {subjects}." }
    StageNotAllowed = 422 "stage_not_allowed" { "记录阶段不符", "Not of this stage", "“{kind}”只用于{stages}，{day} 不在其中；孕情如有变化，请先登记。", "{kind} is written in: {stages}. {day} is not in it; if a pregnancy began or ended, have that registered first." }
    DateInFuture = 422 "date_in_future" { "日期在将来", "In the future", "{day} 在将来，应不晚于今天。", "{day} is in the future; today at the latest." }
    DateBeforeBirth = 422 "date_before_birth" { "日期早于出生", "Before the birth", "{day} 早于出生日期 {limit}。", "{day} is before the birth on {limit}." }
    DateAfterDeath = 422 "date_after_death" { "日期晚于死亡", "After the death", "{day} 晚于登记的死亡日期 {limit}；请核对日期，如死亡登记有误请先撤销。", "{day} is after the death on {limit}; check the day, or take the death back first if it was recorded in error." }
    DateBeforeIssue = 422 "date_before_issue" { "日期早于发放", "Before the issue", "{day} 早于手册发放日期 {limit}，原则上不补录；如需补录，请由兼任手册管理员的医务人员填写 override_reason。", "{day} is before the handbook was issued on {limit}; such checkups are in principle not back-filled. A clinician who is a handbook administrator too gives override_reason." }
    DateBeforeVisit = 422 "date_before_visit" { "日期早于就诊", "Before the visit", "补录结果的日期 {day} 早于就诊日期 {limit}。", "{day} is before the visit on {limit}." }
    DateTooOld = 422 "date_too_old" { "日期过早", "Too long ago", "{day} 过早，应在最近{years}年内，请核对年份。", "{day} is too long ago; {years} years at most. Check the year." }
    OverrideNotAllowed = 403 "override_not_allowed" { "不能使用例外原因", "May not override", "只有手册管理员可以填写 override_reason。", "Only a handbook administrator may give override_reason." }
    NotYours = 403 "not_yours" { "不是您的记录", "Not your record", "只能更正或作废本人填写的记录。", "Only the author corrects or voids a record." }
    RecordEnded = 409 "record_ended" { "记录已撤回或作废", "Withdrawn or voided", "记录已撤回或作废，不能再修改。", "The record was withdrawn or voided and does not change any more." }
    PregnancyOpen = 409 "pregnancy_open" { "已有进行中的妊娠", "A pregnancy is open", "手册中已有进行中的妊娠。", "The handbook has an open pregnancy already." }
    NeedsNewHandbook = 409 "needs_new_handbook" { "需要新手册", "Needs a new handbook", "活产后的新妊娠请发放新手册。", "After a live birth a new pregnancy gets a new handbook." }
    PregnancyEnded = 409 "pregnancy_ended" { "妊娠已结束", "The pregnancy has ended", "该妊娠已登记结局，不能再修改。", "The outcome of this pregnancy is recorded; it does not change any more." }
    NoBirth = 409 "no_birth" { "没有登记分娩", "No birth is recorded", "该妊娠没有登记活产分娩，请先登记妊娠结局。", "No live birth is recorded for this pregnancy; record its outcome first." }
    ChildHasDied = 409 "child_has_died" { "已登记死亡", "The death is recorded", "该儿童的死亡已登记。", "The death of this child is recorded already." }
    WomanHasDied = 409 "woman_has_died" { "已登记死亡", "The death is recorded", "该妇女的死亡已登记；如登记有误请先撤销。", "The death of this woman is recorded; take it back first if that was an error." }
    NoDeath = 409 "no_death" { "没有登记死亡", "No death is recorded", "没有登记其死亡。", "No death of this person is recorded." }
    DeathIsOutcome = 409 "death_is_outcome" { "死亡属于妊娠结局", "The death is an outcome", "妊娠尚未结束时发生的死亡，请作为该次妊娠的结局（maternal_death）登记或撤销。", "A death before the end of a pregnancy is its outcome (maternal_death): record it, or take it back, as the outcome." }
    NoOutcome = 409 "no_outcome" { "没有登记结局", "No outcome is recorded", "该妊娠没有登记结局。", "No outcome of this pregnancy is recorded." }
    OutcomeInUse = 409 "outcome_in_use" { "儿童已有记录", "The children have records", "该次分娩的儿童还有有效记录，请先由填写人作废或撤回这些记录，再撤销结局。", "Records of the children of this birth still stand; have their authors void or withdraw them before the outcome is taken back." }
    LaterPregnancy = 409 "later_pregnancy" { "已登记后一次妊娠", "A later pregnancy is registered", "手册中已登记后一次妊娠，不能再撤销前一次的结局。", "A later pregnancy is registered in the handbook, so the outcome of the one before stays." }
    PhotoRefused = 422 "photo_refused" { "照片无法识别", "Not a photo", "请上传有效的 JPEG、PNG 或 WebP 照片。", "Send a valid JPEG, PNG or WebP photo." }
    PhotoHangs = 409 "photo_in_use" { "照片已附在记录上", "The photo hangs on an entry", "照片已附在一条记录上，请先从该记录中移除。", "The photo hangs on an entry; take it out of the entry first." }
    DelegationExists = 409 "delegation_exists" { "已经委托", "Delegated already", "该人员已受托管理这本手册。", "This village worker is entrusted with the handbook already." }
    AlertAnswered = 409 "alert_answered" { "已有人处理", "Answered already", "该提醒已处理。", "Somebody answered this alert already." }
    NotAwaitingCountersign = 409 "not_awaiting_countersign" { "无需会签", "Nothing to countersign", "该记录不需要会签或已会签。", "This record waits for no countersignature, or has it already." }
    OwnRecord = 403 "own_record" { "不能会签本人的记录", "Your own record", "本人填写的记录应由本机构其他医务人员会签。", "A record of your own is countersigned by another clinician of your institution." }
    PhotoTooLarge = 413 "photo_too_large" { "照片过大", "Photo too large", "照片不能超过 10 MB 或 2400 万像素。", "A photo has at most 10 MB and 24 megapixels." }

    NoFont = 501 "no_font" { "没有中文字体", "No font with Chinese characters", "服务器上没有中文字体，不能生成PNG图片；请使用SVG图片，或由管理员安装中文字体或设置MUZI_FONT。", "The server has no font with Chinese characters, so that there is no PNG; take the SVG, or have a font installed or MUZI_FONT set." }

    // Staff and institutions.
    UserNameTaken = 409 "user_name_taken" { "用户名已存在", "User name taken", "该用户名已被使用。", "This user name is taken." }
    RoleNotGrantable = 403 "role_not_grantable" { "不能授予该角色", "May not give this role", "您不能授予“{role}”角色。", "You may not give the role: {role}." }
    RegionExists = 409 "region_exists" { "区划已存在", "The region exists", "代码 {code}（{level}）的区划已存在。", "There is a region {code} at level {level} already." }
    CatchmentTaken = 409 "catchment_taken" { "区域已有管理机构", "Managed by another institution", "区划 {code} 已由其他机构管理，请先从该机构移除。", "Another institution manages region {code}; take it from there first." }
    CannotManage = 409 "cannot_manage" { "机构不能承担管理", "May not manage residents", "只有基层医疗卫生机构和县级妇幼保健机构可以管理辖区对象。", "Only primary care and county MCH institutions manage the people of a region." }
    InstitutionEnded = 409 "institution_ended" { "机构已停用", "The institution has ended", "该机构已停用。", "This institution has ended." }
    StaffLeft = 409 "staff_left" { "人员已离职", "The staff member has left", "该人员已离职。", "This staff member has left." }
    NotYourself = 403 "not_yourself" { "不能管理本人账号", "Not your own account", "不能修改本人的角色、离职或重置本人密码，请由其他管理人员操作。", "You cannot change your own roles, leave or reset yourself here; another administrator does it." }
    NotIndependent = 403 "reviewer_not_independent" { "复核人不独立", "Not an independent reviewer", "您与该人员的账号不独立（一方的账号由另一方或同一人创建、重置过密码，或您的账号创建于该操作之后），请由其他人员复核或审批。由您创建或重置的账号，满30天后的操作可由您复核；您的账号由系统管理员重置密码后，与此前创建或重置它的人员相互独立。", "Your account and theirs are not independent: one was made by the other, or both by one person, or had its password issued so, or yours is younger than what is looked over; somebody else does it. Of an account that you made or reset, you look over what it does 30 days later. Once the system's administrator issues your password anew, your account is independent of who made or reset it before." }
    SecondFactorByHigher = 403 "second_factor_by_higher" { "不能停用同级人员的动态口令", "Not by a peer", "县级及以上管理人员的动态口令只能由上级或系统管理员停用。", "The second factor of an administrator of a county or above is taken away by the level above or a system administrator." }
    SecondFactorSet = 409 "second_factor_set" { "已启用动态口令", "A second factor is set", "动态口令已启用；更换前请先停用。", "A second factor is set already; remove it before setting up another." }
    SecondFactorNotBegun = 409 "second_factor_not_begun" { "尚未开始设置动态口令", "No second factor was begun", "请先开始设置动态口令。", "Begin to set up a second factor first." }
    InUse = 409 "in_use" { "仍在使用", "Still in use", "仍有内容依赖它，不能删除：{reason}", "Something still depends on it: {reason}" }
    PasswordRefused = 422 "password_refused" { "密码不符合要求", "Password refused", "密码需10到128个字符，含小写、大写、数字、其他字符中的至少三种（或20个字符以上），不含用户名，且不同于旧密码。", "A password has 10 to 128 characters with three of small letters, capitals, digits, others (or 20 characters and more), does not hold the user name, and differs from the old one." }
}

/// Fills the words in braces.
pub fn fill(text: &str, args: &[(&'static str, String)]) -> String {
    args.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chinese_unless_english_is_preferred() {
        let cases = [
            (None, Language::Chinese),
            (Some("zh-CN,zh;q=0.9,en;q=0.8"), Language::Chinese),
            (Some("en-US,en;q=0.9,zh;q=0.1"), Language::English),
            (Some("fr, en;q=0.2"), Language::English),
            (Some("fr"), Language::Chinese),
            (Some("en;q=abc,,;"), Language::English),
        ];
        for (header, language) in cases {
            assert_eq!(Language::preferred(header), language, "{header:?}");
        }
    }

    #[test]
    fn codes_are_unique_and_both_texts_take_the_same_words() {
        let words = |text: &str| -> Vec<String> {
            let mut words: Vec<_> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
                .map(str::to_owned)
                .collect();
            words.sort();
            words
        };
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.word()), "{} twice", code.word());
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert_eq!(
                words(code.detail(Language::Chinese)),
                words(code.detail(Language::English)),
                "{}",
                code.word()
            );
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_choice_of_a_language_panic(header in prop_oneof!["\\PC{0,60}", "([a-z*]{0,3}(-[A-Z]{0,2})?(;q=[0-9.eE+-]{0,6})?,? ?){0,8}"]) {
            let chosen = Language::preferred(Some(&header));
            let asks_for_english = header.to_ascii_lowercase().contains("en");
            prop_assert!(asks_for_english || chosen == Language::Chinese);
        }
    }
}
