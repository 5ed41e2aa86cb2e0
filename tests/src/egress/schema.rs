//! Schemas of the northbound database: that of the daemons, an older and a newer one.

use crate::fault::{During, Fault, Result};
use serde_json::{Value, json};
use std::path::Path;

/// The schema of the northbound database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The one that came with the daemons.
    Stock,
    /// With columns and words of OVN 24.03 and later: `Logical_Router_Policy.bfd_sessions` among them.
    Newer,
    /// Without tables that came in the years before: OVN 21.
    Older,
}

/// The text of a schema, changed. Nothing checks the sum in it.
pub(super) fn of_schema(stock: &Path, schema: Schema) -> Result<String> {
    let mut text: Value = serde_json::from_str(&std::fs::read_to_string(stock).during(stock.display())?)?;
    let tables = &mut text["tables"];
    match schema {
        Schema::Stock => {}
        Schema::Newer => {
            let sessions = json!({"key": {"type": "uuid", "refTable": "BFD", "refType": "weak"},
                "min": 0, "max": "unlimited"});
            tables["Logical_Router_Policy"]["columns"]["bfd_sessions"] = json!({"type": sessions});
            let fields =
                &mut tables["Load_Balancer"]["columns"]["selection_fields"]["type"]["key"]["enum"][1];
            let fields = fields.as_array_mut().ok_or_else(|| Fault::new("selection_fields is no enum"))?;
            fields.extend([json!("ipv6_src"), json!("ipv6_dst")]);
        }
        Schema::Older => {
            let all = tables.as_object_mut().ok_or_else(|| Fault::new("no tables"))?;
            all.retain(|name, _| {
                !["Chassis_Template_Var", "Mirror", "Static_MAC_Binding"].contains(&&**name)
            });
            if let Some(columns) = tables["Logical_Switch_Port"]["columns"].as_object_mut() {
                columns.remove("mirror_rules");
            }
            if let Some(columns) = tables["Logical_Router_Port"]["columns"].as_object_mut() {
                columns.remove("ipv6_prefix");
            }
        }
    }
    Ok(text.to_string())
}
