//! A certificate authority made by the test, TLS servers that it vouches for, and runtimes that
//! believe it.

#![allow(dead_code)] // each test uses its own part of this file

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    version::TLS13,
};
use std::{net::TcpStream, sync::Arc};
use tollgate::{Runtime, RuntimeBuilder, world::System};

pub type ServerStream = StreamOwned<ServerConnection, TcpStream>;

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "The test's own authority");
        let key = KeyPair::generate().unwrap();
        Authority(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// Its certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server that shows the authority's own certificate, which is that of no server.
    pub fn serve_itself(&self, serve: impl Fn(ServerStream) + Send + 'static) -> u16 {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.0.key().serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.0.as_ref().der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        crate::loopback::server(move |stream| {
            let session = ServerConnection::new(config.clone()).unwrap();
            serve(StreamOwned::new(session, stream));
        })
    }

    /// A runtime in which this authority is believed, and no other.
    pub fn trusted(&self) -> RuntimeBuilder {
        let pem = self.0.pem();
        Runtime::builder().world(move || System::new().unwrap().with_roots(pem.as_bytes()).unwrap())
    }

    /// A server with a certificate for this name that ends with the year 4095.
    pub fn serve(
        &self,
        name: &str,
        versions: Vec<&'static SupportedProtocolVersion>,
        serve: impl Fn(ServerStream) + Send + 'static,
    ) -> u16 {
        let config = self.config(name, 4096, &versions);
        crate::loopback::server(move |stream| {
            let session = ServerConnection::new(config.clone()).unwrap();
            serve(StreamOwned::new(session, stream));
        })
    }

    /// A server whose certificate is of the past.
    pub fn serve_expired(&self, name: &str, serve: impl Fn(ServerStream) + Send + 'static) -> u16 {
        let config = self.config(name, 2001, &[&TLS13]);
        crate::loopback::server(move |stream| {
            let session = ServerConnection::new(config.clone()).unwrap();
            serve(StreamOwned::new(session, stream));
        })
    }

    pub fn config(
        &self,
        name: &str,
        end: i32,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Toll");
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}
