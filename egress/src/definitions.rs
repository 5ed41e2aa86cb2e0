//! `egress crds`.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// The definitions of the kinds that are served in a group, as YAML documents.
///
/// # Errors
/// Should there be none: they are ours.
pub fn text(group: &str) -> Result<String, serde_saphyr::ser::Error> {
    let served = |one: &CustomResourceDefinition| matches!(&*one.spec.names.kind, "VpcEgressGateway" | "Vpc");
    let mut text = String::new();
    for mut one in kubeovn::definitions().into_iter().filter(served) {
        one.spec.group = group.to_owned();
        one.metadata.name = Some(format!("{}.{group}", one.spec.names.plural));
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&one)?);
    }
    Ok(text)
}
