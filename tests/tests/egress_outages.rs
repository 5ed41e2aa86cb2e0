//! What egress leaves in the northbound database while something it needs is away: a database, its leader, the API
//! server, the leading replica. No row comes or goes but those that are asked for.

use serde_json::json;
use std::time::{Duration, Instant};
use tests::egress::dump::Fixture;
use tests::egress::monitor::Monitor;
use tests::egress::northbound::Schema;
use tests::egress::seed;
use tests::egress::world::{LIMIT, World};
use tests::fault::{During, Fault, Result, ensure};
use tests::wait;

const ALONE: [&str; 2] = ["--leader-elect=false", "--custom-vpc-rows=policy"];

/// The shortest lease there is.
const REPLICA: [&str; 2] = ["--lease-duration=3", "--custom-vpc-rows=policy"];

/// gateway2 with both sessions up; the fixture goes on from there.
fn gateway2(members: usize, arguments: &[&str]) -> Result<(World, Fixture)> {
    let mut world = World::with_members(Schema::Stock, members)?;
    let mut fixture = Fixture::read("gateway2-policy.txt", seed::base()?)?;
    world.run(arguments)?;
    seed::vpc1(&world, seed::RELEASED)?;
    world.step(&mut fixture, "vpc1")?;
    world.gateway2(&mut fixture)?;
    Ok((world, fixture))
}

/// The change that the step "timers" of the fixture tells.
fn timers(world: &World) -> Result<()> {
    world.change("gateway2", &json!({"bfd": {"minTX": 300, "minRX": 200, "multiplier": 5}}))
}

/// The steps "one session down" and "up again".
fn down_and_up(world: &World, fixture: &mut Fixture) -> Result<()> {
    world.sessions(&["192.168.0.3"], "down")?;
    world.step(fixture, "one session down")?;
    world.sessions(&["192.168.0.3"], "up")?;
    world.step(fixture, "up again")
}

fn database_restarts() -> Result<()> {
    let (mut world, mut fixture) = gateway2(1, &ALONE)?;
    world.databases.kill_north(0)?;
    world.databases.start_north(0)?;
    down_and_up(&world, &mut fixture).during("after a restart")?;
    // In the middle of a change, and with a change in the middle.
    timers(&world)?;
    world.databases.kill_north(0)?;
    std::thread::sleep(Duration::from_millis(1500));
    let ready = world.egress[0].ready();
    world.databases.start_north(0)?;
    // Its copy stays in force: it is ready all the time.
    ready.during("while the database is away")?;
    world.step(&mut fixture, "timers").during("after the second restart")
}

#[test]
fn a_restart_of_the_database_in_the_middle_of_a_change_loses_nothing() {
    database_restarts().unwrap();
}

fn leader_changes() -> Result<()> {
    let (mut world, mut fixture) = gateway2(3, &ALONE)?;
    let first = world.databases.leader()?;
    world.databases.kill_north(first)?;
    world.databases.leader()?;
    down_and_up(&world, &mut fixture).during("with the second leader")?;
    world.databases.start_north(first)?;
    let second = world.databases.leader()?;
    timers(&world)?;
    world.databases.kill_north(second)?;
    world.step(&mut fixture, "timers").during("with the third leader")
}

#[test]
fn changes_of_the_leader_of_a_cluster_lose_nothing() {
    leader_changes().unwrap();
}

fn api_server_is_away() -> Result<()> {
    let (mut world, mut fixture) = gateway2(1, &ALONE)?;
    world.server.kill_apiserver()?;
    let mut monitor = Monitor::start(world.databases.nb().remote(), &world.dir())?;
    wait::stays("rows, without API server", Duration::from_secs(2), || monitor.silent())?;
    // What the database tells is still acted on: a dead gateway leaves.
    down_and_up(&world, &mut fixture).during("without API server")?;
    let mut monitor = Monitor::start(world.databases.nb().remote(), &world.dir())?;
    world.server.start_apiserver()?;
    wait::stays("rows, as the API server is back", Duration::from_secs(2), || monitor.silent())?;
    let changed = Instant::now();
    timers(&world)?;
    world.step(&mut fixture, "timers").during("after the outage")?;
    println!("2 s after the API server was back, a change was in the rows within {:?}", changed.elapsed());
    Ok(())
}

#[test]
fn without_api_server_rows_stay_and_dead_gateways_leave() {
    api_server_is_away().unwrap();
}

fn leader_dies() -> Result<()> {
    let (mut world, mut fixture) = gateway2(1, &REPLICA)?;
    let second = world.replica(2, &REPLICA)?;
    world.egress.push(second);
    wait::until("a second replica stands by", LIMIT, || stands(&world, 1, "standing by"))?;
    let mut monitor = Monitor::start(world.databases.nb().remote(), &world.dir())?;
    world.egress[0].kill()?;
    let (_, took) = wait::until("the second replica leads", LIMIT, || {
        monitor.silent()?;
        stands(&world, 1, "leading")
    })?;
    println!("leader killed: another one leads after {took:?}, leases of 3 s");
    wait::stays("rows, with the second leader", Duration::from_secs(1), || monitor.silent())?;
    down_and_up(&world, &mut fixture).during("with the second leader")?;
    ensure(monitor.silent().is_err(), || "the monitor saw nothing of a session that went down".to_owned())?;

    let third = world.replica(3, &REPLICA)?;
    world.egress.push(third);
    wait::until("a third replica stands by", LIMIT, || stands(&world, 2, "standing by"))?;
    let mut monitor = Monitor::start(world.databases.nb().remote(), &world.dir())?;
    world.egress[1].terminate()?;
    let (_, took) = wait::until("the third replica leads", LIMIT, || stands(&world, 2, "leading"))?;
    println!("leader told to stop: another one leads after {took:?}");
    wait::stays("rows, with the third leader", Duration::from_secs(1), || monitor.silent())?;
    timers(&world)?;
    world.step(&mut fixture, "timers").during("with the third leader")
}

/// Fails unless the page `/readyz` of a replica says this.
fn stands(world: &World, at: usize, how: &str) -> Result<()> {
    let egress = world.egress.get(at).ok_or_else(|| Fault::new("no such replica"))?;
    let (_, page) = egress.get("/readyz")?;
    ensure(page.contains(how), || format!("{page}; {}", egress.state()))
}

#[test]
fn no_row_flaps_when_the_leading_replica_dies_or_stops() {
    leader_dies().unwrap();
}
