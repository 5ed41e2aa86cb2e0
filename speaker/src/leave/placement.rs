//! Whether a node may run a Pod, by `nodeSelector` and required node affinity, as the scheduler and the DaemonSet
//! controller understand them. Taints and resources are no part of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::text::shown;

/// The only field that `matchFields` knows.
const NAME: &str = "metadata.name";

/// What a Pod asks of the node it runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Placement {
    node_selector: BTreeMap<String, String>,
    affinity: Option<Affinity>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Affinity {
    node_affinity: Option<NodeAffinity>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeAffinity {
    required_during_scheduling_ignored_during_execution: Option<Terms>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Terms {
    node_selector_terms: Vec<Term>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Term {
    match_expressions: Vec<Expression>,
    match_fields: Vec<Expression>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Expression {
    key: String,
    operator: Operator,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
    /// One of a later Kubernetes.
    #[serde(other)]
    Unknown,
}

impl Placement {
    /// Why a Pod that asks this cannot run on the node with this name and these labels; `None` if it can.
    pub(super) fn misses(&self, name: &str, labels: &BTreeMap<String, String>) -> Option<String> {
        let missing = self.node_selector.iter().find(|(key, value)| labels.get(*key) != Some(*value));
        if let Some((key, value)) = missing {
            return Some(match value.as_str() {
                "" => format!("node has no label {} with an empty value", shown(key)),
                value => format!("node has no label {}={}", shown(key), shown(value)),
            });
        }
        let required = self.affinity.as_ref()?.node_affinity.as_ref()?;
        let terms =
            &required.required_during_scheduling_ignored_during_execution.as_ref()?.node_selector_terms;
        let fields = BTreeMap::from([(NAME.to_owned(), name.to_owned())]);
        match terms.iter().any(|term| term.matches(labels, &fields)) {
            true => None,
            false => Some("node does not match the required node affinity".to_owned()),
        }
    }
}

impl Term {
    /// One that asks nothing matches nothing.
    fn matches(&self, labels: &BTreeMap<String, String>, fields: &BTreeMap<String, String>) -> bool {
        let asks = !(self.match_expressions.is_empty() && self.match_fields.is_empty());
        asks && self.match_expressions.iter().all(|one| one.holds(labels))
            && self.match_fields.iter().all(|one| one.holds(fields))
    }
}

impl Expression {
    fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = labels.get(&self.key);
        match self.operator {
            Operator::In => label.is_some_and(|label| self.values.contains(label)),
            Operator::NotIn => label.is_none_or(|label| !self.values.contains(label)),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::Gt => self.compared(label).is_some_and(|(label, bound)| label > bound),
            Operator::Lt => self.compared(label).is_some_and(|(label, bound)| label < bound),
            // What cannot be judged is no reason to leave.
            Operator::Unknown => true,
        }
    }

    /// A label and the bound it is compared with: both have to be integers, and the bound one alone.
    fn compared(&self, label: Option<&String>) -> Option<(i64, i64)> {
        let [bound] = self.values.as_slice() else { return None };
        Some((label?.parse().ok()?, bound.parse().ok()?))
    }
}
