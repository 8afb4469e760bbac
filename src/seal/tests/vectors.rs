//! RFC 8291 appendix A and RFC 8188 §3.1, octet by octet.

use ::hkdf::Hkdf;
use sha2::Sha256;

use super::*;

on_every_backend!(
    rfc8291_appendix_a_is_reproduced_with_every_intermediate_value,
    rfc8188_section_3_1_is_reproduced,
);

fn rfc8291_appendix_a_is_reproduced_with_every_intermediate_value<B: Backend>() {
    let plaintext = b"When I grow up, I want to be a watermelon";
    let as_public = decode(
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    );
    let salt: [u8; 16] = decode("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
    let fresh = || {
        let scalar = decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let private_key = B::private_key(scalar.as_slice().try_into().unwrap()).unwrap();
        Ok(Fresh::<B> { private_key, salt })
    };
    let ua = UserAgent::<B>::of_rfc8291();
    assert_eq!(
        ua.public.as_slice(),
        decode(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        )
    );

    let private_key = fresh().unwrap().private_key;
    assert_eq!(B::public_octets(&private_key).unwrap().as_slice(), as_public);
    let as_point = B::public_key(as_public.as_slice().try_into().unwrap()).unwrap();
    let ecdh_secret = B::agree(&private_key, &ua.point).unwrap();
    assert_eq!(ecdh_secret, B::agree(&ua.private_key, &as_point).unwrap());
    assert_eq!(ecdh_secret.as_slice(), decode("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"));

    let (prk_key, _) = Hkdf::<Sha256>::extract(Some(&ua.auth_secret), ecdh_secret.as_slice());
    assert_eq!(prk_key.as_slice(), decode("Snr3JMxaHVDXHWJn5wdC52WjpCtd2EIEGBykDcZW32k"));
    let ikm = input_keying_material(
        &ecdh_secret,
        &ua.auth_secret,
        &ua.public,
        as_public.as_slice().try_into().unwrap(),
    );
    assert_eq!(ikm.as_slice(), decode("S4lYMb_L0FxCeq0WhDx813KgSYqU26kOyzWUdsXYyrg"));
    let (prk, _) = Hkdf::<Sha256>::extract(Some(&salt), ikm.as_slice());
    assert_eq!(prk.as_slice(), decode("09_eUZGrsvxChDCGRCdkLiDXrReGOEVeSCdCcPBSJSc"));
    let keys = RecordKeys::derive(ikm.as_slice(), &salt);
    assert_eq!(keys.key.as_slice(), decode("oIhVW04MRdy2XN9CiKLxTg"));
    assert_eq!(keys.nonce.as_slice(), decode("4h_95klXJ5E_qnoN"));

    let body = seal_with::<B>(
        &ua.point,
        &ua.public,
        &ua.auth_secret,
        plaintext,
        plaintext.len() + OVERHEAD,
        fresh,
    )
    .unwrap();
    let header = decode(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    );
    let record =
        decode("8pfeW0KbunFT06SuDKoJH9Ql87S1QUrdirN6GcG7sFz1y1sqLgVi1VhjVkHsUoEsbI_0LpXMuGvnzQ");
    assert_eq!(body.as_ref(), [header, record].concat());
    assert_eq!(ua.open(body.as_ref()).unwrap(), plaintext);
}

/// The example has no key id, so it is taken apart by hand: the schedule, the record and the
/// padding are the same code.
fn rfc8188_section_3_1_is_reproduced<B: Backend>() {
    let salt: [u8; 16] = decode("I1BsxtFttlv3u_Oo94xnmw").try_into().unwrap();
    let ikm = decode("yqdlZ-tYemfogSmv7Ws5PQ");
    let (prk, _) = Hkdf::<Sha256>::extract(Some(&salt), &ikm);
    assert_eq!(prk.as_slice(), decode("zyeH5phsIsgUyd4oiSEIy35x-gIi4aM7y0hCF8mwn9g"));
    let keys = RecordKeys::derive(&ikm, &salt);
    assert_eq!(keys.key.as_slice(), decode("_wniytB-ofscZDh4tbSjHw"));
    assert_eq!(keys.nonce.as_slice(), decode("Bcs8gkIRKLI8GeI8"));

    let message = decode("I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg");
    let (header, record) = message.split_at(21);
    assert_eq!(header, [&salt[..], &4096_u32.to_be_bytes(), &[0]].concat());

    let mut sealed = b"I am the walrus\x02".to_vec();
    let tag = B::encrypt(&keys.key, &keys.nonce, &mut sealed).unwrap();
    assert_eq!([sealed.as_slice(), &tag].concat(), record);

    B::decrypt(&keys.key, &keys.nonce, &mut sealed, &tag).unwrap();
    assert_eq!(sealed[..unpadded_len(&sealed).unwrap()], *b"I am the walrus");
}
