//! The authorities that TLS trusts, where they are not those of Mozilla: of a file, or of this machine.

use crate::{Exit, Failure, args::ObserveArgs, note};
use tollgate::{RuntimeBuilder, abi::base64, printable::counted, world::System};

/// The options of a runtime that trusts what the flags say.
pub fn options(args: &ObserveArgs, builder: RuntimeBuilder) -> Result<RuntimeBuilder, Failure> {
    let pem = match (&args.ca_file, args.ca_system) {
        (Some(path), _) => std::fs::read(path).map_err(|error| Failure::file(path, error))?,
        (None, true) => of_this_machine()?,
        (None, false) => return Ok(builder),
    };
    let bad = |error: std::io::Error| match &args.ca_file {
        Some(path) => Failure::file(path, error),
        None => Failure::new(Exit::BadInput, format!("--ca-system: {error}")),
    };
    let world = System::new()
        .and_then(|world| world.with_roots(&pem))
        .map_err(bad)?;
    Ok(builder.world(move || world.clone()))
}

/// The certificates that this machine's programs trust, as PEM text.
fn of_this_machine() -> Result<Vec<u8>, Failure> {
    let found = rustls_native_certs::load_native_certs();
    if !found.errors.is_empty() {
        note(format_args!(
            "--ca-system: {} could not be read",
            counted(found.errors.len(), "certificate or file")
        ));
    }
    let mut pem = String::new();
    for certificate in &found.certs {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in base64::encode(certificate).as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    match found.certs.is_empty() {
        true => Err(Failure::new(
            Exit::BadInput,
            "--ca-system: this machine has no certificates of authorities",
        )),
        false => Ok(pem.into_bytes()),
    }
}
