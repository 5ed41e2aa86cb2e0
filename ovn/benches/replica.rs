//! 100 000 ports of switches: the first copy, a change of one, and what they weigh.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ovn::replica::{Columns, Notation};
use ovn::rpc::Reader;
use ovn::schema::{Kind, Type};
use ovn::{Replica, Schema, Uuid};
use serde_json::{Value as Json, json};

const ROWS: u32 = 100_000;
const TABLE: &str = "Logical_Switch_Port";

fn columns() -> Columns {
    let of = |value, max| Type { key: Kind::String, value, optional: true, max };
    let columns = [
        ("name", of(None, Some(1))),
        ("type", of(None, Some(1))),
        ("addresses", of(None, None)),
        ("options", of(Some(Kind::String), None)),
    ];
    Columns::from([(TABLE.into(), columns.map(|(name, of)| (name.into(), of)).into())])
}

/// A pod's port as a monitor tells of it; what holds its default is left out.
fn rows() -> Json {
    let row = |number: u32| {
        let uuid = Uuid(u128::from(number) << 64).to_string();
        let row = json!({"name": format!("pod-{number}.namespace"), "type": "",
            "addresses": format!("00:00:00:{:02x}:{:02x}:{:02x} 10.16.{}.{}", number >> 16, number >> 8 & 255,
                number & 255, number >> 8 & 255, number & 255)});
        (uuid, json!({"initial": row}))
    };
    json!({TABLE: (0..ROWS).map(row).collect::<serde_json::Map<_, _>>()})
}

/// Octets that the process has in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
}

fn copy(rows: &Json, schema: &Schema) -> Replica {
    let mut replica = Replica::default();
    replica.replace(schema, &schema.tables, rows, Notation::Differences).expect("rows of the schema");
    replica
}

fn replica(criterion: &mut Criterion) {
    let schema = Schema { tables: columns(), ..Schema::default() };
    let rows = rows();
    let mut whole = copy(&rows, &schema);
    // The second one: the first was put where the rows above had been made.
    let before = resident();
    let second = whole.clone();
    eprintln!("memory: {} octets a row", (resident() - before) / u64::from(ROWS));
    drop(second);

    let mut group = criterion.benchmark_group("replica");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function("first copy", |bencher| bencher.iter(|| copy(black_box(&rows), &schema)));
    let text = json!({"id": 1, "result": rows, "error": null}).to_string();
    group.bench_function("first copy, to JSON", |bencher| {
        bencher.iter(|| {
            let mut reader = Reader::new(usize::MAX);
            reader.push(black_box(text.as_bytes()));
            reader.message().expect("a message").expect("whole")
        });
    });
    group.throughput(Throughput::Elements(1));
    let change = json!({TABLE: {Uuid(500 << 64).to_string(): {"modify": {"addresses": "router"}}}});
    group.bench_function("one change", |bencher| {
        bencher.iter(|| whole.update(black_box(&change), Notation::Differences));
    });
    group.finish();
}

criterion_group!(benches, replica);
criterion_main!(benches);
