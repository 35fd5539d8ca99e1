//! An authority and a server certificate that live as long as the emulator.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};

use crate::{EmulatorError, Result};

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// What a TLS listener and its clients need.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) server: Arc<ServerConfig>,
    /// The authority, for clients.
    pub(crate) ca_pem: String,
}

impl Certificates {
    /// Makes new keys and certificates; the authority's key is gone when this returns.
    pub(crate) fn generate() -> Result<Self> {
        let (ca_pem, server) = generate().map_err(failed)?;
        let (chain, key) = server;
        // Named, not the process default: other crates may have installed another provider.
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(failed)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { server: Arc::new(config), ca_pem })
    }
}

type Server = (Vec<tokio_rustls::rustls::pki_types::CertificateDer<'static>>, PrivateKeyDer<'static>);

fn generate() -> std::result::Result<(String, Server), rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "aoai-emulator authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let ca_key = KeyPair::generate()?;
    let ca_pem = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let mut leaf = CertificateParams::new(NAMES.map(str::to_owned))?;
    leaf.distinguished_name.push(DnType::CommonName, "aoai-emulator");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &issuer)?;
    Ok((ca_pem, (vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))))
}

fn failed(error: impl std::fmt::Display) -> EmulatorError {
    EmulatorError::Certificates(error.to_string())
}
