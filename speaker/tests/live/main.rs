//! The program itself beside routers made of the same engine, on loopback: reload, administration, restart.

mod admin;
mod bfd;
mod reload;
mod restart;
mod world;
