//! The small grammar of rules and derived values: text in, tree out. What the names mean is decided in `expression.rs`.
//!
//! ```text
//! any     := all ("or" all)*
//! all     := denial ("and" denial)*
//! denial  := "not" denial | relation
//! relation := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum | "has" 'text')?
//! sum     := product (("+" | "-") product)*
//! product := atom (("*" | "/") atom)*
//! atom    := number | 'text' | true | false | name | function "(" any ("," any)* ")" | "(" any ")"
//! ```

use super::number::{Number, Written};

/// A rule as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Number(Number),
    Text(String),
    Bool(bool),
    Name(String),
    Any(Vec<Tree>),
    All(Vec<Tree>),
    Not(Box<Tree>),
    Compare(Box<Tree>, Comparison, Box<Tree>),
    Has(Box<Tree>, String),
    Arithmetic(Box<Tree>, Operation, Box<Tree>),
    Call(String, Vec<Tree>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Different,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Plus,
    Minus,
    Times,
    Over,
}

/// Reads a rule; the error says where it breaks off.
pub(super) fn parse(text: &str) -> Result<Tree, String> {
    if text.len() > LONGEST {
        return Err(format!("longer than {LONGEST} bytes"));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, depth: 0 };
    let tree = parser.any()?;
    match parser.tokens {
        [] => Ok(tree),
        [left, ..] => Err(format!("`{}` is left over", left.shown())),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(Number),
    Sign(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Text(text) => format!("'{text}'"),
            Self::Number(number) => number.to_string(),
            Self::Sign(sign) => (*sign).to_owned(),
        }
    }
}

/// Longer signs first, so that `<=` is not read as `<`.
const SIGNS: [&str; 13] = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if first.is_ascii_alphabetic() {
            let (word, after) = split_while(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
            (Token::Word(word.to_owned()), after)
        } else if first.is_ascii_digit() {
            let (digits, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
            let written = Written::parse(digits).ok_or_else(|| format!("`{digits}` is no number"))?;
            (Token::Number(written.number), after)
        } else if let Some(quoted) = rest.strip_prefix('\'') {
            let (text, after) = quoted.split_once('\'').ok_or("a text has no closing quote")?;
            (Token::Text(text.to_owned()), after)
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| format!("`{first}` has no meaning"))?;
            (Token::Sign(sign), rest.strip_prefix(sign).unwrap_or_default())
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()))
}

/// A chain of sums is as deep as it is long; the longest rule that somebody wrote has 900 bytes.
const LONGEST: usize = 4096;

/// Deeper nesting than a person writes would only exhaust the stack.
const DEEPEST: usize = 32;

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Tree, String> {
        self.chain("or", Tree::Any, Self::all)
    }

    fn all(&mut self) -> Result<Tree, String> {
        self.chain("and", Tree::All, Self::denial)
    }

    fn chain(
        &mut self,
        word: &str,
        join: impl Fn(Vec<Tree>) -> Tree,
        link: impl Fn(&mut Self) -> Result<Tree, String>,
    ) -> Result<Tree, String> {
        let first = link(self)?;
        let mut links = vec![first];
        while self.take_word(word) {
            links.push(link(self)?);
        }
        Ok(if links.len() == 1 { links.remove(0) } else { join(links) })
    }

    fn denial(&mut self) -> Result<Tree, String> {
        if self.take_word("not") {
            return Ok(Tree::Not(Box::new(self.nested(Self::denial)?)));
        }
        self.relation()
    }

    fn relation(&mut self) -> Result<Tree, String> {
        let left = self.sum()?;
        if self.take_word("has") {
            return match self.next() {
                Some(Token::Text(text)) => Ok(Tree::Has(Box::new(left), text.clone())),
                _ => Err("`has` wants a quoted text".into()),
            };
        }
        let comparison = match self.tokens.first() {
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign("<=")) => Comparison::AtMost,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign(">=")) => Comparison::AtLeast,
            Some(Token::Sign("==")) => Comparison::Equal,
            Some(Token::Sign("!=")) => Comparison::Different,
            _ => return Ok(left),
        };
        self.next();
        Ok(Tree::Compare(Box::new(left), comparison, Box::new(self.sum()?)))
    }

    fn sum(&mut self) -> Result<Tree, String> {
        let mut left = self.product()?;
        loop {
            let operation = match self.tokens.first() {
                Some(Token::Sign("+")) => Operation::Plus,
                Some(Token::Sign("-")) => Operation::Minus,
                _ => return Ok(left),
            };
            self.next();
            left = self.arithmetic(left, operation, Self::product)?;
        }
    }

    fn product(&mut self) -> Result<Tree, String> {
        let mut left = self.atom()?;
        loop {
            let operation = match self.tokens.first() {
                Some(Token::Sign("*")) => Operation::Times,
                Some(Token::Sign("/")) => Operation::Over,
                _ => return Ok(left),
            };
            self.next();
            left = self.arithmetic(left, operation, Self::atom)?;
        }
    }

    fn arithmetic(
        &mut self,
        left: Tree,
        operation: Operation,
        right: impl Fn(&mut Self) -> Result<Tree, String>,
    ) -> Result<Tree, String> {
        Ok(Tree::Arithmetic(Box::new(left), operation, Box::new(right(self)?)))
    }

    fn atom(&mut self) -> Result<Tree, String> {
        match self.next().ok_or("the rule breaks off")? {
            Token::Number(number) => Ok(Tree::Number(*number)),
            Token::Text(text) => Ok(Tree::Text(text.clone())),
            Token::Sign("(") => {
                let inner = self.nested(Self::any)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign(sign) => Err(format!("`{sign}` stands where a value should")),
            Token::Word(word) => match word.as_str() {
                "true" => Ok(Tree::Bool(true)),
                "false" => Ok(Tree::Bool(false)),
                "and" | "or" | "not" | "has" => Err(format!("`{word}` stands where a value should")),
                name if self.take_sign("(") => Ok(Tree::Call(name.to_owned(), self.arguments()?)),
                name => Ok(Tree::Name(name.to_owned())),
            },
        }
    }

    fn arguments(&mut self) -> Result<Vec<Tree>, String> {
        let mut arguments = vec![self.nested(Self::any)?];
        while self.take_sign(",") {
            arguments.push(self.nested(Self::any)?);
        }
        self.expect(")")?;
        Ok(arguments)
    }

    fn nested(&mut self, inner: impl Fn(&mut Self) -> Result<Tree, String>) -> Result<Tree, String> {
        if self.depth == DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
        self.depth += 1;
        let tree = inner(self);
        self.depth -= 1;
        tree
    }

    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let taken = matches!(self.tokens.first(), Some(Token::Word(first)) if first == word);
        if taken {
            self.next();
        }
        taken
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let taken = matches!(self.tokens.first(), Some(Token::Sign(first)) if *first == sign);
        if taken {
            self.next();
        }
        taken
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take_sign(sign) { Ok(()) } else { Err(format!("`{sign}` is missing")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Box<Tree> {
        Box::new(Tree::Name(text.into()))
    }

    fn number(whole: i64) -> Box<Tree> {
        Box::new(Tree::Number(Number::from(whole)))
    }

    #[test]
    fn and_binds_tighter_than_or_and_not_tighter_than_both() {
        let high = Tree::Compare(name("systolic"), Comparison::AtLeast, number(140));
        let none = Tree::Not(Box::new(Tree::Has(name("extent"), "none".into())));
        let late = Tree::Compare(name("facts.age_days"), Comparison::Greater, number(14));
        assert_eq!(
            parse("systolic >= 140 or not extent has 'none' and facts.age_days > 14").unwrap(),
            Tree::Any(vec![high, Tree::All(vec![none, late])])
        );
    }

    #[test]
    fn products_bind_tighter_than_sums_and_sums_than_comparisons() {
        let product = Tree::Arithmetic(number(7), Operation::Times, name("ga_weeks"));
        let difference = Tree::Arithmetic(name("days"), Operation::Minus, Box::new(product));
        assert_eq!(
            parse("days - 7 * ga_weeks < 7").unwrap(),
            Tree::Compare(Box::new(difference), Comparison::Less, number(7))
        );
    }

    #[test]
    fn what_breaks_off_is_said() {
        let cases = [
            ("", "breaks off"),
            ("a ==", "breaks off"),
            ("a == 'x", "closing quote"),
            ("a has 3", "quoted text"),
            ("(a < 3", "`)` is missing"),
            ("a < 3 b", "`b` is left over"),
            ("a < 3 < 4", "`<` is left over"),
            ("a & b", "no meaning"),
            ("1.2.3 > a", "no number"),
            ("f(a, )", "stands where a value should"),
        ];
        for (rule, why) in cases {
            let error = parse(rule).unwrap_err();
            assert!(error.contains(why), "{rule}: {error}");
        }
        assert!(parse(&"(".repeat(1000)).unwrap_err().contains("nested"));
        assert!(parse(&"not ".repeat(1000)).unwrap_err().contains("nested"));
        assert!(parse(&"1+".repeat(5000)).unwrap_err().contains("longer"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn nor_does_any_row_of_words(words in prop::collection::vec("and|or|not|has|a|facts\\.b|3|0\\.5|'x'|<|==|\\(|\\)|,|\\+|-|/|true", 0..30)) {
            let _ = parse(&words.join(" "));
        }
    }
}
