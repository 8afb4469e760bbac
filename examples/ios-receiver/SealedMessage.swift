// NOT EXECUTED: this file was written without an Apple machine. It has the structure of
// ../android-receiver/SealedMessages.java, which is tested; run it on
// ../../tests/receivers/vectors.txt before you rely on it.
//
// Opens messages that `sealpush` sealed (RFC 8291) with CryptoKit only. iOS 14 and later.

import CryptoKit
import Foundation

/// A body could not be opened. It says no more than that.
struct OpenError: Error {}

/// The keys of this device, and what they open. As strict as the crate's `open`: exactly one
/// record, and one error for every reason.
struct SealedMessages {
    /// Largest sealed body, in octets (RFC 8030 section 7.2).
    static let maxBody = 4096
    /// The member beside `aps` in which the body travels.
    static let dataField = "e2ee"

    private static let saltLength = 16
    private static let pointLength = 65
    private static let authLength = 16
    private static let tagLength = 16
    private static let headerLength = saltLength + 4 + 1 + pointLength
    private static let minRecordSize: UInt32 = 18
    private static let maxRecordSize: UInt32 = 0x7fff_ffff
    private static let uncompressed: UInt8 = 4
    private static let delimiter: UInt8 = 2

    /// Store it in the Keychain, in an access group that the app and its notification service
    /// extension share, with `kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly`.
    let privateKey: P256.KeyAgreement.PrivateKey
    /// The authentication secret, 16 octets; store it beside the key.
    let auth: Data

    /// Takes stored keys; `nil` for a secret of another length.
    init?(privateKey: P256.KeyAgreement.PrivateKey, auth: Data) {
        guard auth.count == Self.authLength else { return nil }
        self.privateKey = privateKey
        self.auth = Data(auth)
    }

    /// Makes fresh keys.
    init() {
        privateKey = P256.KeyAgreement.PrivateKey()
        auth = SymmetricKey(size: .bits128).withUnsafeBytes { Data($0) }
    }

    /// The token that a sender needs, for an FCM registration token. Whoever has it can send: hand
    /// it to your server over TLS, and again when FCM gives a new registration token.
    func fcmToken(registrationToken: String) throws -> String {
        let members: [String: Any] = [
            "provider": "fcm",
            "token": registrationToken,
            "keys": [
                "p256dh": Self.encodeBase64url(privateKey.publicKey.x963Representation),
                "auth": Self.encodeBase64url(auth),
            ],
        ]
        let json = try JSONSerialization.data(withJSONObject: members)
        return String(decoding: json, as: UTF8.self)
    }

    /// The token that a sender needs to reach this device through Apple alone, for the device token
    /// that `didRegisterForRemoteNotificationsWithDeviceToken` brings, or PushKit with `voip`. Say
    /// `sandbox` where the entitlement `aps-environment` is `development`: apps that Xcode put on the
    /// device. Hand it to your server over TLS, at every start of the app.
    func apnsToken(deviceToken: Data, sandbox: Bool, voip: Bool = false) throws -> String {
        let members: [String: Any] = [
            "provider": "apns",
            "device_token": deviceToken.map { String(format: "%02x", $0) }.joined(),
            "registered_at": UInt64(Date().timeIntervalSince1970),
            "sandbox": sandbox,
            "voip": voip,
            "keys": [
                "p256dh": Self.encodeBase64url(privateKey.publicKey.x963Representation),
                "auth": Self.encodeBase64url(auth),
            ],
        ]
        let json = try JSONSerialization.data(withJSONObject: members)
        return String(decoding: json, as: UTF8.self)
    }

    /// Opens the body in a notification's `userInfo`.
    func open(userInfo: [AnyHashable: Any]) throws -> Data {
        guard let text = userInfo[Self.dataField] as? String,
            text.utf8.count <= Self.maxBody / 3 * 4 + 4,
            let body = Self.decodeBase64url(text)
        else { throw OpenError() }
        return try open(body)
    }

    /// Opens a sealed body.
    func open(_ body: Data) throws -> Data {
        do {
            return try openRecord([UInt8](body))
        } catch {
            throw OpenError()
        }
    }

    private func openRecord(_ body: [UInt8]) throws -> Data {
        guard body.count <= Self.maxBody, body.count >= Self.headerLength + 1 + Self.tagLength
        else { throw OpenError() }
        let salt = body[..<Self.saltLength]
        let recordSize = body[Self.saltLength..<Self.saltLength + 4]
            .reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let sender = body[(Self.saltLength + 5)..<Self.headerLength]
        let record = body[Self.headerLength...]
        guard recordSize >= Self.minRecordSize,
            recordSize <= Self.maxRecordSize,
            record.count <= Int(recordSize),
            Int(body[Self.saltLength + 4]) == Self.pointLength,
            sender.first == Self.uncompressed
        else { throw OpenError() }

        // CryptoKit refuses points off the curve.
        let senderKey = try P256.KeyAgreement.PublicKey(x963Representation: Data(sender))
        let secret = try privateKey.sharedSecretFromKeyAgreement(with: senderKey)

        // RFC 8291 section 3.4, then RFC 8188 sections 2.2 and 2.3.
        let info = Data("WebPush: info\0".utf8) + privateKey.publicKey.x963Representation
            + Data(sender)
        let keyingMaterial = secret.hkdfDerivedSymmetricKey(
            using: SHA256.self, salt: auth, sharedInfo: info, outputByteCount: 32)
        let key = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: keyingMaterial, salt: Data(salt),
            info: Data("Content-Encoding: aes128gcm\0".utf8), outputByteCount: 16)
        let nonce = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: keyingMaterial, salt: Data(salt),
            info: Data("Content-Encoding: nonce\0".utf8), outputByteCount: 12)

        let box = try AES.GCM.SealedBox(
            nonce: try nonce.withUnsafeBytes { try AES.GCM.Nonce(data: Data($0)) },
            ciphertext: Data(record.dropLast(Self.tagLength)),
            tag: Data(record.suffix(Self.tagLength)))
        let opened = [UInt8](try AES.GCM.open(box, using: key))

        guard let end = opened.lastIndex(where: { $0 != 0 }), opened[end] == Self.delimiter
        else { throw OpenError() }
        return Data(opened[..<end])
    }

    private static func encodeBase64url(_ octets: Data) -> String {
        octets.base64EncodedString()
            .replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }

    /// One body has one text: the decoder alone takes padding, the other alphabet and stray bits.
    private static func decodeBase64url(_ text: String) -> Data? {
        let standard = text
            .replacingOccurrences(of: "-", with: "+")
            .replacingOccurrences(of: "_", with: "/")
        let padding = String(repeating: "=", count: (4 - standard.count % 4) % 4)
        guard let octets = Data(base64Encoded: standard + padding),
            encodeBase64url(octets) == text
        else { return nil }
        return octets
    }
}
