//! One pattern of a `.dockerignore` file, with Docker's meaning: the wildcards of Go's `filepath.Match`,
//! and `**` for any number of directories. Pure.

/// A pattern, ready to be compared with paths. Its cost is the product of the two lengths at worst, so no pattern
/// can stall a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`: one character of a name.
    One,
    /// `*`: any characters of one name.
    Name,
    /// `**/`, or `**` before something else: nothing, or anything that ends in `/`.
    Directories,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`, `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Reads a cleaned pattern; `None` where its syntax is wrong.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // As Docker has it, `**name` is everything that ends in `name`, while `**name*` is not: a leading `**` that is
        // the only wildcard compares the end of the path.
        if let Some(end) = text.strip_prefix("**").filter(|end| !end.starts_with('/') && !end.contains(META)) {
            return Some(Self(std::iter::once(Token::Rest).chain(end.chars().map(Token::Literal)).collect()));
        }
        let mut tokens = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            tokens.push(match char {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    chars.next_if_eq(&'/');
                    if chars.peek().is_some() { Token::Directories } else { Token::Rest }
                }
                '*' => Token::Name,
                '?' => Token::One,
                '\\' => Token::Literal(chars.next()?),
                '[' => class(&mut chars)?,
                literal => Token::Literal(literal),
            });
        }
        Some(Self(tokens))
    }

    /// Whether the pattern covers the whole of a `/`-separated path.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        // reached[n]: the tokens so far can cover exactly the first n characters.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for token in &self.0 {
            reached = token.advance(&reached, &path);
        }
        reached[path.len()]
    }
}

const META: [char; 5] = ['*', '?', '[', ']', '\\'];

impl Token {
    fn advance(&self, reached: &[bool], path: &[char]) -> Vec<bool> {
        let mut next = vec![false; reached.len()];
        // Whether any position up to and including this one was reached.
        let mut any = false;
        for (position, &here) in reached.iter().enumerate() {
            let before = position.checked_sub(1).map(|last| (path[last], reached[last], next[last]));
            next[position] = match (self, before) {
                (Self::Rest, _) => any || here,
                (Self::Name | Self::Directories, None) => here,
                (Self::Name, Some((char, _, covered))) => here || (covered && char != '/'),
                (Self::Directories, Some((char, _, _))) => here || (any && char == '/'),
                (_, None) => false,
                (_, Some((char, was, _))) => was && self.admits(char),
            };
            any |= here;
        }
        next
    }

    /// For tokens that stand for one character.
    fn admits(&self, char: char) -> bool {
        match self {
            Self::Literal(literal) => *literal == char,
            Self::One => char != '/',
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negated
            }
            Self::Name | Self::Directories | Self::Rest => false,
        }
    }
}

/// The rest of a class after its `[`. As in Go, `-` and `]` stand for themselves only behind a `\`.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    fn bound(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
        match chars.next()? {
            '-' | ']' => None,
            '\\' => chars.next(),
            char => Some(char),
        }
    }
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = bound(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { bound(chars)? } else { low };
        ranges.push((low, high));
        if chars.next_if_eq(&']').is_some() {
            return Some(Token::Class { negated, ranges });
        }
    }
}
