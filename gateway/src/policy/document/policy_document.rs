//! Policy documents, read once.

use std::collections::BTreeSet;

use crate::domain::PinnedPrincipals;
use crate::policy::document::condition::Condition;
use crate::policy::document::json::Json;
use crate::policy::document::operator::Operator;
use crate::policy::document::pattern::{Pattern, Syntax};
use crate::policy::document::principal_element::PrincipalElement;
use crate::policy::error::PolicyError;

/// The largest bucket policy, in bytes.
pub const BUCKET_POLICY_BYTES_MAX: usize = 20 << 10;

/// A policy document. What it may hold depends on where it is put: see [`Document::check_bucket`],
/// [`Document::check_identity`] and [`Document::check_trust`].
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub(crate) statements: Vec<Statement>,
}

/// What a statement does when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

/// A list of patterns, or all that is not on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// `NotAction`, `NotResource`.
    pub(crate) others: bool,
    pub(crate) patterns: Vec<Pattern>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sid: Option<String>,
    pub(crate) effect: Effect,
    pub(crate) principal_element: Option<PrincipalElement>,
    pub(crate) actions: Listed,
    pub(crate) resources: Option<Listed>,
    pub(crate) conditions: Vec<Condition>,
}

impl Document {
    /// Reads a document of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// What Amazon says about it.
    pub fn parse(text: &str, bytes_max: usize) -> Result<Self, PolicyError> {
        if text.len() > bytes_max {
            return Err(PolicyError::TOO_LARGE);
        }
        let Ok(Json::Object(members)) = Json::parse(text) else { return Err(PolicyError::JSON) };
        let mut version = None;
        let mut statements = None;
        for (name, value) in &members {
            match name.as_str() {
                "Version" => version = Some(value),
                "Id" | "ID" => {
                    if !matches!(value, Json::Text(_)) {
                        return Err(PolicyError::SYNTAX);
                    }
                }
                "Statement" => statements = Some(value),
                other => return Err(PolicyError::unknown(other)),
            }
        }
        let variables = match version {
            None => false,
            Some(Json::Text(version)) if version == "2008-10-17" => false,
            Some(Json::Text(version)) if version == "2012-10-17" => true,
            Some(_) => return Err(PolicyError::VERSION),
        };
        let statements = statements.ok_or_else(|| PolicyError::missing("Statement"))?.as_list();
        if statements.is_empty() {
            return Err(PolicyError::missing("Statement"));
        }
        let statements = statements.iter().map(|statement| Statement::parse(statement, variables));
        Ok(Self { statements: statements.collect::<Result<_, _>>()? })
    }

    /// The ARNs of users, roles and sessions that its principals are, each once.
    #[must_use]
    pub fn principal_arns(&self) -> BTreeSet<&str> {
        self.statements
            .iter()
            .filter_map(|statement| statement.principal_element.as_ref())
            .flat_map(|e| e.arns())
            .collect()
    }

    /// The same document with unique ids in the place of the ARNs for which there are any.
    #[must_use]
    pub fn pinned(mut self, principals: &PinnedPrincipals) -> Self {
        let elements = self.statements.iter_mut().filter_map(|statement| statement.principal_element.as_mut());
        elements.for_each(|element| element.pin(principals));
        self
    }

    /// No two statements may have one id; in bucket policies ids mean nothing, and tools repeat them.
    pub(crate) fn check_ids(&self) -> Result<(), PolicyError> {
        let mut ids: Vec<_> = self.statements.iter().filter_map(|statement| statement.sid.as_deref()).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1] && !pair[0].is_empty()) {
            return Err(PolicyError::SAME_SID);
        }
        Ok(())
    }

    /// Whether any condition or variable asks for something of the object that exists already.
    #[must_use]
    pub fn asks_about_objects(&self) -> bool {
        let about_objects = |key: &str| key.starts_with("s3:existingobjecttag/");
        self.statements.iter().any(|statement| {
            let listed = statement.resources.iter().chain([&statement.actions]).flat_map(|listed| &listed.patterns);
            listed.flat_map(Pattern::variables).any(about_objects)
                || statement.conditions.iter().any(|condition| condition.keys().any(about_objects))
        })
    }
}

impl Statement {
    fn parse(json: &Json, variables: bool) -> Result<Self, PolicyError> {
        let Json::Object(members) = json else { return Err(PolicyError::SYNTAX) };
        let mut effect = None;
        let (mut sid, mut principal_element, mut actions, mut resources, mut conditions) =
            (None, None, None, None, Vec::new());
        for (name, value) in members {
            match name.as_str() {
                "Sid" => sid = Some(value.as_word().ok_or(PolicyError::SYNTAX)?),
                "Effect" => effect = Some(parse_effect(value)?),
                "Principal" | "NotPrincipal" => {
                    once(&mut principal_element, PrincipalElement::parse(value, name == "NotPrincipal")?)?;
                }
                "Action" | "NotAction" => {
                    let syntax = Syntax { wildcards: true, variables: false };
                    once(&mut actions, Listed::parse(value, name == "NotAction", syntax, &PolicyError::ACTION)?)?;
                }
                "Resource" | "NotResource" => {
                    let syntax = Syntax { wildcards: true, variables };
                    once(&mut resources, Listed::parse(value, name == "NotResource", syntax, &PolicyError::RESOURCE)?)?;
                }
                "Condition" => conditions = parse_conditions(value, variables)?,
                other => return Err(PolicyError::unknown(other)),
            }
        }
        let effect = effect.ok_or_else(|| PolicyError::missing("Effect"))?;
        let actions = actions.ok_or_else(|| PolicyError::missing("Action"))?;
        Ok(Self { sid, effect, principal_element, actions, resources, conditions })
    }
}

/// A member and its opposite cannot both be there.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), PolicyError> {
    if place.is_some() {
        return Err(PolicyError::SYNTAX);
    }
    *place = Some(value);
    Ok(())
}

fn parse_effect(value: &Json) -> Result<Effect, PolicyError> {
    match value {
        Json::Text(word) if word == "Allow" => Ok(Effect::Allow),
        Json::Text(word) if word == "Deny" => Ok(Effect::Deny),
        Json::Text(word) => Err(PolicyError::effect(word)),
        _ => Err(PolicyError::SYNTAX),
    }
}

fn parse_conditions(value: &Json, variables: bool) -> Result<Vec<Condition>, PolicyError> {
    let Json::Object(operators) = value else { return Err(PolicyError::SYNTAX) };
    let mut conditions = Vec::new();
    for (name, keys) in operators {
        let operator = Operator::parse(name).ok_or_else(|| PolicyError::condition_operator(name))?;
        let Json::Object(keys) = keys else { return Err(PolicyError::SYNTAX) };
        for (key, values) in keys {
            let values: Option<Vec<_>> = values.as_list().iter().map(Json::as_word).collect();
            let values = values.ok_or(PolicyError::SYNTAX)?;
            conditions.push(Condition::parse(operator, key, &values, variables)?);
        }
    }
    Ok(conditions)
}

impl Listed {
    fn parse(value: &Json, others: bool, syntax: Syntax, error: &PolicyError) -> Result<Self, PolicyError> {
        let mut patterns = Vec::new();
        for value in value.as_list() {
            let Json::Text(text) = value else { return Err(error.clone()) };
            if text.is_empty() {
                return Err(error.clone());
            }
            patterns.push(Pattern::parse(text, syntax).ok_or_else(|| error.clone())?);
        }
        if patterns.is_empty() {
            return Err(error.clone());
        }
        Ok(Self { others, patterns })
    }
}
