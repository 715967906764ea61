//! No text may tell the sex of a fetus before birth: what is looked for, and in which form of the text.
//!
//! The words are data (`domain/data/fetal_sex.toml`). They stop what is written without a second thought and the usual
//! disguises; they are no proof against somebody who writes in riddles.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

/// How strictly a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// A family's diary: only what is said of the baby that is expected. A wish, a guess, an older child are no record.
    Family,
    /// A clinical text: any word for a sex that is not plainly about somebody else.
    Clinician,
}

/// Whether a text tells the sex of a fetus.
pub fn names_fetal_sex(text: &str, strictness: Strictness) -> bool {
    let sentences = squeezed(text);
    let sentences = WORDS.innocent.replace_all(&sentences, "。");
    let joined = sentences.replace(BREAK, "");
    let told = WORDS.phrases.is_match(&joined) || WORDS.statements.is_match(&sentences);
    told || (strictness == Strictness::Clinician && WORDS.clinical.is_match(&sentences))
}

/// Stands for the end of a sentence.
const BREAK: char = '。';

/// Letters, digits and ends of sentences: everything behind which a word could hide is taken out.
fn squeezed(text: &str) -> String {
    let mut squeezed = String::with_capacity(text.len());
    for c in text.nfkc().flat_map(char::to_lowercase) {
        match c {
            '♂' | '👦' => squeezed.push('男'),
            '♀' | '👧' => squeezed.push('女'),
            '。' | '!' | '?' | ';' | '\n' => squeezed.push(BREAK),
            c => squeezed.extend(latin(c).filter(|c| c.is_alphanumeric())),
        }
    }
    squeezed
}

/// Cyrillic and Greek letters that look Latin are read as they look; combining marks say nothing.
fn latin(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'е' | 'ε' => 'e',
        'о' | 'ο' => 'o',
        'у' | 'γ' => 'y',
        'х' | 'χ' => 'x',
        'і' | 'ι' => 'i',
        'ѕ' => 's',
        '\u{300}'..='\u{36F}' => return None,
        c => c,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordFile {
    innocent: Vec<String>,
    phrases: Vec<String>,
    statements: Vec<String>,
    clinical: Vec<String>,
    words: BTreeMap<String, String>,
}

impl WordFile {
    /// A pattern with the lists of words put in for their names.
    fn expanded(&self, pattern: &str) -> String {
        self.words.iter().fold(pattern.to_owned(), |pattern, (name, words)| {
            pattern.replace(&format!("{{{name}}}"), &format!("(?:{words})"))
        })
    }
}

struct Words {
    innocent: Regex,
    phrases: RegexSet,
    statements: RegexSet,
    clinical: RegexSet,
}

#[expect(
    clippy::expect_used,
    reason = "the file is part of the program, and every test of this module reads it"
)]
static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let file: WordFile =
        toml::from_str(include_str!("../data/fetal_sex.toml")).expect("fetal_sex.toml is well formed");
    let expanded =
        |patterns: &[String]| patterns.iter().map(|pattern| file.expanded(pattern)).collect::<Vec<_>>();
    let set = |patterns: &[String]| {
        RegexSet::new(expanded(patterns)).expect("every pattern is a regular expression")
    };
    Words {
        innocent: Regex::new(&expanded(&file.innocent).join("|"))
            .expect("every pattern is a regular expression"),
        phrases: set(&file.phrases),
        statements: set(&file.statements),
        clinical: set(&file.clinical),
    }
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What nobody may write before the birth, neither family nor clinician.
    const TOLD: &[&str] = &[
        "男胎",
        "女胎一枚",
        "男 胎",
        "男。胎",
        "男\u{200B}胎",
        "男，胎",
        "胎儿性别男",
        "胎儿性别：女",
        "胎 儿 性 别 ： 男",
        "胎儿性别提示女",
        "B超看是男孩",
        "Ｂ超看是男孩",
        "今天做彩超，医生说是女儿",
        "医生说像个小棉袄",
        "四维彩超，医生悄悄告诉我是儿子",
        "医生暗示是带把的",
        "怀的是女儿",
        "我怀的是女宝呢",
        "老婆肚子里是个小王子",
        "护士说像个男孩",
        "大夫说是个丫头",
        "是闺女！",
        "照B超知道是闺女",
        "无创结果出来了，男宝",
        "宝宝性别女",
        "我们的宝宝是女孩子",
        "这次是个儿子",
        "终于知道了，是个女孩",
        "怀了个男孩",
        "怀的是双胞胎女儿",
        "是个男宝",
        "是个小公主！",
        "肚子里是个男孩",
        "肚子里的宝宝是女孩",
        "这胎是儿子",
        "二胎是女儿",
        "头胎是女儿",
        "医生告诉老公是女儿",
        "宝宝是个男孩",
        "宝宝是♂",
        "宝宝应该是👧",
        "确定是女宝啦",
        "知道性别了，是男宝",
        "性别：男宝",
        "查出是女儿",
        "染色体 46,XY",
        "46，ＸＸ",
        "胎儿可见阴茎",
        "NT检查时看到了小鸡鸡",
        "龙凤胎",
        "验血出来了，是男孩",
        "希望是个女儿就好了。结果彩超说真的是女儿",
        "It's a boy!",
        "it's a b.o.y",
        "ｉｔ＇ｓ　ａ　ｂｏｙ",
        "it's a b\u{43E}y",
        "We're having a girl",
        "I'm expecting a baby boy",
        "pregnant with a girl",
        "male fetus",
        "Female Foetus",
        "fetal sex: female",
        "Baby's gender is male",
        "gender reveal: girl",
        "the doctor said it's a girl",
        "The scan showed it is a boy",
    ];

    /// What a family writes without saying anything of the sex.
    const INNOCENT: &[&str] = &[
        "",
        "带女儿去公园",
        "想给宝宝取个名字，男孩叫安安，女孩叫宁宁",
        "去医院建了手册，医生很耐心",
        "今天是个好日子",
        "公公婆婆来看我们",
        "小家伙今天翻了好几个跟头",
        "医生是个女的，很温柔",
        "我妈说她怀我的时候也爱吃酸",
        "女儿问妈妈肚子里有什么",
        "和儿子一起给妈妈的肚子讲故事",
        "老大是个哥哥了",
        "看电影《小公主》",
        "带着大女儿去做产检",
        "给女儿做早饭",
        "女儿今天很乖",
        "儿子说想要一个妹妹",
        "大女儿上幼儿园了",
        "大宝是男孩，今天三岁了",
        "希望是个健康的宝宝",
        "希望是个女儿就好了",
        "好想要个儿子",
        "要是个女孩我就给她扎小辫",
        "梦见是个男孩",
        "男孩女孩都一样",
        "无论男女都是我们的宝贝",
        "不管是男孩还是女孩都爱",
        "不知道是男宝还是女宝",
        "老公是男的",
        "我是女孩子的时候就喜欢画画",
        "我的男朋友陪我去产检",
        "邻居家生了，是个男孩",
        "闺蜜生了个女儿，好可爱",
        "医生说宝宝一切都好",
        "B超看到宝宝的小手了",
        "彩超显示宝宝发育正常，老公很高兴",
        "怀孕了。女儿特别开心",
        "怀孕了，女儿特别开心",
        "今天胎动很多，像在踢足球",
        "宝宝是我们的小太阳",
        "my boyfriend came with me",
        "I watched a cowboy film",
        "I hope it's a girl",
        "We don't know if it's a boy or a girl",
        "my sister had a girl",
        "the baby kicked a lot today",
        "a healthy baby is all we want",
        "son et lumière at the park",
    ];

    /// What a clinician writes of others than the fetus.
    const CLINICAL_INNOCENT: &[&str] = &[
        "宫内早孕，单活胎，胎心搏动可见",
        "头位，胎盘成熟度I级，羊水指数12cm",
        "孕妇，女性，28岁",
        "2018年顺产一男婴，体健",
        "2019年5月于县医院剖宫产一活女婴，3200g",
        "既往生育一女，体健",
        "第一胎顺产一女婴",
        "育有一子一女",
        "男方精液常规正常",
        "孕妇昏迷，由儿子送来急诊，无其他家属",
        "随迁，现住女儿家中",
        "丈夫男性不育史",
        "建议双方（男女）同时检查",
        "NT 1.2mm，CRL 58mm",
        "no abnormality seen, placenta anterior",
        "previously delivered a girl in 2019",
    ];

    /// What a clinician may not write, though a family could mean something else by it.
    const CLINICAL_TOLD: &[&str] = &[
        "宫内孕，男孩",
        "女婴可能",
        "性别：女",
        "单活胎，男",
        "头位，胎心140，考虑女",
        "儿子，已告知家属",
        "外生殖器显示为男性",
        "male external genitalia",
        "Baby girl, cephalic",
        "核型 XY",
    ];

    /// The texts that are not read as they should be.
    fn misread(texts: &[&'static str], strictness: Strictness, tells: bool) -> Vec<&'static str> {
        texts.iter().copied().filter(|text| names_fetal_sex(text, strictness) != tells).collect()
    }

    #[test]
    fn what_tells_the_sex_is_refused_to_everybody() {
        assert_eq!(misread(TOLD, Strictness::Family, true), [""; 0]);
        assert_eq!(misread(TOLD, Strictness::Clinician, true), [""; 0]);
    }

    #[test]
    fn a_family_may_wish_guess_and_write_of_others() {
        assert_eq!(misread(INNOCENT, Strictness::Family, false), [""; 0]);
    }

    #[test]
    fn a_clinician_may_write_history_and_of_the_parents() {
        assert_eq!(misread(CLINICAL_INNOCENT, Strictness::Clinician, false), [""; 0]);
    }

    #[test]
    fn a_clinician_may_not_write_a_sex_at_all() {
        assert_eq!(misread(CLINICAL_TOLD, Strictness::Clinician, true), [""; 0]);
    }

    #[test]
    fn a_long_diary_is_read_fast_enough() {
        let diary = "今天和老公一起去公园散步，宝宝动得很欢。".repeat(250);
        let started = std::time::Instant::now();
        assert!(!names_fetal_sex(&diary, Strictness::Family));
        assert!(started.elapsed() < std::time::Duration::from_secs(2), "took {:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn spaces_and_signs_between_the_letters_hide_nothing(between in "[ \\-_.,、，·*/|]{0,3}") {
            let text: String = "男胎".chars().flat_map(|c| std::iter::once(c).chain(between.chars())).collect();
            prop_assert!(names_fetal_sex(&text, Strictness::Family), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = names_fetal_sex(&text, Strictness::Clinician);
        }
    }
}
