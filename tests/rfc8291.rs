//! RFC 8291 appendix A through the public door: the crate opens the standard's own message.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpush::{UserAgentSecret, open};

#[test]
fn the_message_of_the_standard_is_opened() {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let secret = UserAgentSecret::new(
        &decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
        &decode("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    .unwrap();
    let mut body = decode(concat!(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg",
        "Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVB",
        "St2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
    ));
    assert_eq!(open(&secret, &body).unwrap(), b"When I grow up, I want to be a watermelon");

    body[143] ^= 1;
    assert!(open(&secret, &body).is_err());
}

#[test]
fn a_secret_is_read_back_from_its_octets() {
    let secret = UserAgentSecret::generate().unwrap();
    let private_key = secret.expose_private_key();
    let auth = secret.keys().auth_secret().expose();
    let again = UserAgentSecret::new(private_key.as_slice(), auth).unwrap();
    assert_eq!(again.keys(), secret.keys());
    for bad in [&[][..], &[0; 32], &[0xff; 32], &[1; 31], &[1; 33]] {
        let error = UserAgentSecret::new(bad, auth).unwrap_err();
        assert_eq!(error.kind(), sealpush::ErrorKind::InvalidToken);
    }
}
