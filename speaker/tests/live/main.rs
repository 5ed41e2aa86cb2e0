//! The program itself beside routers made of the same engine, on loopback: reload, administration, restart, BFD.

mod admin;
mod beacon;
mod bfd;
mod reload;
mod restart;
mod world;
