//! What the statements of a migration do to tables that exist, read from their words.
//!
//! It knows the statements that migrations are written in. What it does not know is [`Action::Unknown`], which counts
//! as the worst: it may lock everything, lose everything, and be nothing that an earlier release can live with.

/// One statement, without comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its text.
    pub sql: String,
    /// What it does; an `ALTER TABLE` may do several things.
    pub actions: Vec<Action>,
}

/// What a statement does. Names are as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the names of what the variant says")]
pub enum Action {
    /// Makes a table.
    CreateTable { table: String },
    /// Makes an index, for which the table is read as a whole.
    CreateIndex { index: String, table: String, unique: bool },
    /// Adds a column; `forces` when a row without a value for it is refused.
    AddColumn { table: String, column: String, forces: bool },
    /// Removes a column with what is in it.
    DropColumn { table: String, column: String },
    /// Removes a table with what is in it.
    DropTable { table: String },
    /// Removes an index.
    DropIndex { index: String },
    /// Changes settings of a table that concern how it is kept, not what it may hold.
    Settings { table: String },
    /// Writes rows.
    Insert { table: String },
    /// Changes rows.
    Update { table: String },
    /// Removes rows.
    Delete { table: String },
    /// Anything else.
    Unknown,
}

impl Action {
    /// The table it concerns, if it is one that is named.
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::CreateTable { table }
            | Self::CreateIndex { table, .. }
            | Self::AddColumn { table, .. }
            | Self::DropColumn { table, .. }
            | Self::DropTable { table }
            | Self::Settings { table }
            | Self::Insert { table }
            | Self::Update { table }
            | Self::Delete { table } => Some(table),
            Self::DropIndex { .. } | Self::Unknown => None,
        }
    }
}

/// Reads a migration's text.
pub fn statements(sql: &str) -> Vec<Statement> {
    split(sql).into_iter().map(|sql| Statement { actions: actions(&words(&sql)), sql }).collect()
}

/// Whether programs of the schema before can go on working after these statements: they only add, and what they add
/// asks nothing of a program that does not know it.
pub fn only_expands(statements: &[Statement]) -> bool {
    let mut made = Vec::new();
    statements.iter().flat_map(|statement| &statement.actions).all(|action| {
        let is_new = |table: &String| made.contains(table);
        match action {
            Action::CreateTable { table } => {
                made.push(table.clone());
                true
            }
            Action::CreateIndex { table, unique, .. } => !unique || is_new(table),
            Action::AddColumn { table, forces, .. } => !forces || is_new(table),
            Action::Settings { .. } => true,
            Action::Insert { table } | Action::Update { table } | Action::Delete { table } => is_new(table),
            Action::DropColumn { .. }
            | Action::DropTable { .. }
            | Action::DropIndex { .. }
            | Action::Unknown => false,
        }
    })
}

/// The statements of a text, without comments and the semicolons between them.
fn split(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut statement = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' if rest.starts_with("--") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = &rest[rest.find("*/").map_or(rest.len(), |end| end + 2)..];
                continue;
            }
            ';' => {
                found.push(std::mem::take(&mut statement));
                rest = &rest[1..];
                continue;
            }
            '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |end| end + 2),
            '$' => dollar_quoted(rest).unwrap_or(1),
            other => other.len_utf8(),
        };
        statement.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    found.push(statement);
    found.iter().map(|text| tidy(text)).filter(|text| !text.is_empty()).collect()
}

/// How long the text in dollar quotes is that a text begins with, quotes included.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = &text[..text[1..].find('$')? + 2];
    let is_tag = tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
    let end = is_tag.then(|| text[tag.len()..].find(tag))??;
    Some(tag.len() + end + tag.len())
}

/// Without the lines that comments have left empty.
fn tidy(text: &str) -> String {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
        .trim()
        .to_owned()
}

/// Keywords, names and numbers, names without their quotes; every other sign is a word by itself.
fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in sql.chars() {
        if c.is_alphanumeric() || c == '_' || c == '.' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !c.is_whitespace() && c != '"' {
            words.push(c.to_string());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The words of a statement that are left to be read.
struct Reader<'a>(&'a [String]);

impl<'a> Reader<'a> {
    /// Takes these words if they come next.
    fn take(&mut self, expected: &[&str]) -> bool {
        let is_next = self.0.len() >= expected.len()
            && self.0.iter().zip(expected).all(|(word, expected)| word.eq_ignore_ascii_case(expected));
        if is_next {
            self.0 = &self.0[expected.len()..];
        }
        is_next
    }

    /// Takes a name.
    fn name(&mut self) -> Option<String> {
        let (name, rest) = self.0.split_first()?;
        self.0 = rest;
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name.then(|| name.clone())
    }

    fn has(&self, words: &[&str]) -> bool {
        self.0.windows(words.len()).any(|window| {
            window.iter().zip(words).all(|(word, expected)| word.eq_ignore_ascii_case(expected))
        })
    }

    /// What is between commas outside of parentheses.
    fn parts(self) -> Vec<Reader<'a>> {
        let mut depth = 0_usize;
        let by_comma = self.0.split(|word| {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && word == ","
        });
        by_comma.map(Reader).collect()
    }
}

fn actions(words: &[String]) -> Vec<Action> {
    let mut reader = Reader(words);
    if reader.take(&["ALTER", "TABLE"]) {
        return alter_table(reader).unwrap_or_else(|| vec![Action::Unknown]);
    }
    vec![action(reader).unwrap_or(Action::Unknown)]
}

fn action(mut reader: Reader<'_>) -> Option<Action> {
    if reader.take(&["CREATE", "TABLE"]) {
        reader.take(&["IF", "NOT", "EXISTS"]);
        return Some(Action::CreateTable { table: reader.name()? });
    }
    let unique = reader.take(&["CREATE", "UNIQUE", "INDEX"]);
    if unique || reader.take(&["CREATE", "INDEX"]) {
        reader.take(&["IF", "NOT", "EXISTS"]);
        let index = reader.name()?;
        let on = reader.take(&["ON"]);
        return on.then(|| Some(Action::CreateIndex { index, table: reader.name()?, unique }))?;
    }
    if reader.take(&["DROP", "TABLE"]) {
        reader.take(&["IF", "EXISTS"]);
        let table = reader.name()?;
        return reader.0.is_empty().then_some(Action::DropTable { table });
    }
    if reader.take(&["DROP", "INDEX"]) {
        reader.take(&["IF", "EXISTS"]);
        return Some(Action::DropIndex { index: reader.name()? });
    }
    if reader.take(&["INSERT", "INTO"]) {
        return Some(Action::Insert { table: reader.name()? });
    }
    if reader.take(&["UPDATE"]) {
        return Some(Action::Update { table: reader.name()? });
    }
    if reader.take(&["DELETE", "FROM"]) {
        return Some(Action::Delete { table: reader.name()? });
    }
    None
}

fn alter_table(mut reader: Reader<'_>) -> Option<Vec<Action>> {
    reader.take(&["IF", "EXISTS"]);
    reader.take(&["ONLY"]);
    let table = reader.name()?;
    if reader.take(&["SET", "("]) {
        return Some(vec![Action::Settings { table }]);
    }
    reader.parts().into_iter().map(|part| alteration(&table, part)).collect()
}

fn alteration(table: &str, mut part: Reader<'_>) -> Option<Action> {
    let table = table.to_owned();
    let adds = part.take(&["ADD"]);
    if !adds && !part.take(&["DROP"]) {
        return None;
    }
    if !part.take(&["COLUMN"]) && constrains(&part) {
        return None;
    }
    if adds {
        part.take(&["IF", "NOT", "EXISTS"]);
        let column = part.name()?;
        let forces = part.has(&["NOT", "NULL"]) && !part.has(&["DEFAULT"]);
        let restricts = part.has(&["UNIQUE"]) || part.has(&["PRIMARY"]) || part.has(&["REFERENCES"]);
        return Some(Action::AddColumn { table, column, forces: forces || restricts });
    }
    part.take(&["IF", "EXISTS"]);
    Some(Action::DropColumn { table, column: part.name()? })
}

/// Whether what is added or dropped is no column, but a constraint.
fn constrains(part: &Reader<'_>) -> bool {
    let constraints = ["CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "EXCLUDE"];
    part.0.first().is_none_or(|word| constraints.iter().any(|known| word.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(sql: &str) -> Action {
        let read = statements(sql);
        assert_eq!((read.len(), read[0].actions.len()), (1, 1), "{read:?}");
        read[0].actions[0].clone()
    }

    #[test]
    fn statements_are_told_apart() {
        let sql = "-- a; comment\nCREATE TABLE a (t text DEFAULT 'x;y'); /* ; */ DROP TABLE b;\n\
                   DO $body$ BEGIN; END $body$;\n";
        let read: Vec<_> = statements(sql).into_iter().map(|statement| statement.sql).collect();
        assert_eq!(
            read,
            ["CREATE TABLE a (t text DEFAULT 'x;y')", "DROP TABLE b", "DO $body$ BEGIN; END $body$"]
        );
    }

    #[test]
    fn what_they_do_is_read() {
        let (t, c, i) = (|| "t".to_owned(), || "c".to_owned(), || "i".to_owned());
        assert_eq!(only("create table if not exists t (c text)"), Action::CreateTable { table: t() });
        let index = Action::CreateIndex { index: i(), table: t(), unique: true };
        assert_eq!(only("CREATE UNIQUE INDEX i ON t (c) WHERE c IS NOT NULL"), index);
        let added = |forces| Action::AddColumn { table: t(), column: c(), forces };
        assert_eq!(only("ALTER TABLE t ADD COLUMN c text"), added(false));
        assert_eq!(only("ALTER TABLE t ADD c integer NOT NULL DEFAULT 0"), added(false));
        assert_eq!(only("ALTER TABLE t ADD COLUMN c integer NOT NULL"), added(true));
        let dropped = Action::DropColumn { table: t(), column: c() };
        assert_eq!(only("ALTER TABLE t DROP COLUMN c"), dropped);
        assert_eq!(only("ALTER TABLE t SET (fillfactor = 50)"), Action::Settings { table: t() });
        assert_eq!(only("DROP INDEX i"), Action::DropIndex { index: i() });
        for unknown in [
            "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0)",
            "ALTER TABLE t ALTER COLUMN c TYPE bigint",
            "ALTER TABLE t RENAME TO u",
            "TRUNCATE t",
            "DROP TABLE t CASCADE",
        ] {
            assert_eq!(only(unknown), Action::Unknown, "{unknown}");
        }
        let both = statements("ALTER TABLE t ADD COLUMN c numeric(3, 1), DROP COLUMN c");
        assert_eq!(both[0].actions, [added(false), dropped]);
    }

    #[test]
    fn what_only_adds_is_told_from_what_does_not() {
        for (sql, expands) in [
            ("CREATE TABLE t (c text); CREATE UNIQUE INDEX i ON t (c); INSERT INTO t VALUES ('x')", true),
            ("ALTER TABLE tasks ADD COLUMN c text; CREATE INDEX i ON tasks (c)", true),
            ("CREATE UNIQUE INDEX i ON tasks (kind)", false),
            ("ALTER TABLE tasks ADD COLUMN c text NOT NULL", false),
            ("ALTER TABLE tasks DROP COLUMN c", false),
            ("UPDATE tasks SET kind = ''", false),
            ("DROP INDEX tasks_due", false),
            ("ALTER TABLE tasks ADD CONSTRAINT k CHECK (true)", false),
        ] {
            assert_eq!(only_expands(&statements(sql)), expands, "{sql}");
        }
    }
}
