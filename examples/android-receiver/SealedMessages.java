import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECFieldFp;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Opens messages that {@code sealpush} sealed (RFC 8291), with nothing but the platform's own
 * cryptography. Android 8.0 (API 26) and later, Java 8 and later.
 *
 * <p>It is as strict as the crate's {@code open}: exactly one record, and one exception for every
 * reason. In a {@code FirebaseMessagingService}:
 *
 * <pre>{@code
 * public void onMessageReceived(RemoteMessage message) {
 *     try {
 *         String json = new String(sealed.openData(message.getData()), StandardCharsets.UTF_8);
 *         // Build a notification from the JSON.
 *     } catch (SealedMessages.OpenException unopened) {
 *         // Not for these keys, or tampered with: show nothing.
 *     }
 * }
 * }</pre>
 *
 * <p>Instances do not change and may be shared by threads.
 */
public final class SealedMessages {
    /** Largest sealed body, in octets (RFC 8030 section 7.2). */
    public static final int MAX_BODY = 4096;

    /** The data field in which FCM and OneSignal carry the body. */
    public static final String DATA_FIELD = "e2ee";

    private static final int SALT_LENGTH = 16;
    private static final int POINT_LENGTH = 65;
    private static final int COORDINATE_LENGTH = 32;
    private static final int AUTH_LENGTH = 16;
    private static final int TAG_LENGTH = 16;
    private static final int HEADER_LENGTH = SALT_LENGTH + 4 + 1 + POINT_LENGTH;
    private static final int MIN_RECORD_SIZE = 18;
    private static final byte UNCOMPRESSED = 4;
    private static final byte DELIMITER = 2;

    private final PrivateKey privateKey;
    private final byte[] publicKey;
    private final byte[] auth;

    /**
     * Takes stored keys. Keep the private key where no other app reads it: from API 31 the Android
     * Keystore can hold it (purpose {@code AGREE_KEY}); before, encrypt it with a Keystore key.
     *
     * @param privateKey of P-256
     * @param publicKey its uncompressed point, 65 octets
     * @param auth the authentication secret, 16 octets
     * @throws IllegalArgumentException for another length
     */
    public SealedMessages(PrivateKey privateKey, byte[] publicKey, byte[] auth) {
        if (publicKey.length != POINT_LENGTH || auth.length != AUTH_LENGTH) {
            throw new IllegalArgumentException("the public key has 65 octets, the secret 16");
        }
        this.privateKey = privateKey;
        this.publicKey = publicKey.clone();
        this.auth = auth.clone();
    }

    /** Makes fresh keys. */
    public static SealedMessages generate() throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair pair = generator.generateKeyPair();
        byte[] auth = new byte[AUTH_LENGTH];
        new SecureRandom().nextBytes(auth);
        byte[] point = encodePoint(((ECPublicKey) pair.getPublic()).getW());
        return new SealedMessages(pair.getPrivate(), point, auth);
    }

    /** The private key, to store. */
    public PrivateKey privateKey() {
        return privateKey;
    }

    /** The public key as an uncompressed point, to store. */
    public byte[] publicKey() {
        return publicKey.clone();
    }

    /** The authentication secret, to store. */
    public byte[] auth() {
        return auth.clone();
    }

    /**
     * The token that a sender needs, for an FCM registration token. Whoever has it can send: hand
     * it to your server over TLS, and again when FCM gives a new registration token.
     */
    public String fcmToken(String registrationToken) {
        for (int i = 0; i < registrationToken.length(); i++) {
            char c = registrationToken.charAt(i);
            if (c <= ' ' || c > '~' || c == '"' || c == '\\') {
                throw new IllegalArgumentException("not a registration token");
            }
        }
        Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
        return "{\"provider\":\"fcm\",\"token\":\"" + registrationToken
                + "\",\"keys\":{\"p256dh\":\"" + base64.encodeToString(publicKey)
                + "\",\"auth\":\"" + base64.encodeToString(auth) + "\"}}";
    }

    /**
     * Opens the body in a data message of FCM, or in the additional data of OneSignal.
     *
     * @throws OpenException if there is none, or it does not open
     */
    public byte[] openData(Map<String, String> data) throws OpenException {
        return open(decode(data == null ? null : data.get(DATA_FIELD)));
    }

    /**
     * Opens a sealed body.
     *
     * @throws OpenException for every reason alike, {@code null} among them
     */
    public byte[] open(byte[] body) throws OpenException {
        try {
            return openRecord(body);
        } catch (GeneralSecurityException | RuntimeException no) {
            // Providers, the Keystore's among them, have unchecked exceptions of their own.
            throw new OpenException();
        }
    }

    /** One body has one text: the decoder alone takes padding and stray bits, too. */
    private static byte[] decode(String text) throws OpenException {
        if (text == null || text.length() > MAX_BODY / 3 * 4 + 4) {
            throw new OpenException();
        }
        byte[] body;
        try {
            body = Base64.getUrlDecoder().decode(text);
        } catch (IllegalArgumentException notBase64) {
            throw new OpenException();
        }
        if (!Base64.getUrlEncoder().withoutPadding().encodeToString(body).equals(text)) {
            throw new OpenException();
        }
        return body;
    }

    private byte[] openRecord(byte[] body) throws GeneralSecurityException, OpenException {
        if (body == null
                || body.length > MAX_BODY
                || body.length < HEADER_LENGTH + 1 + TAG_LENGTH) {
            throw new OpenException();
        }
        // Read as a signed number, so that 2^31 and above are negative and refused.
        int recordSize = ByteBuffer.wrap(body).getInt(SALT_LENGTH);
        int recordLength = body.length - HEADER_LENGTH;
        if (recordSize < MIN_RECORD_SIZE
                || recordLength > recordSize
                || body[SALT_LENGTH + 4] != POINT_LENGTH) {
            throw new OpenException();
        }
        byte[] salt = Arrays.copyOf(body, SALT_LENGTH);
        byte[] sender = Arrays.copyOfRange(body, SALT_LENGTH + 5, HEADER_LENGTH);

        KeyAgreement agreement = KeyAgreement.getInstance("ECDH");
        agreement.init(privateKey);
        agreement.doPhase(decodePoint(sender), true);
        byte[] secret = agreement.generateSecret();

        // RFC 8291 section 3.4, then RFC 8188 sections 2.2 and 2.3.
        byte[] info = concat(ascii("WebPush: info\0"), publicKey, sender);
        byte[] keyingMaterial = hkdf(auth, secret, info, 32);
        byte[] key = hkdf(salt, keyingMaterial, ascii("Content-Encoding: aes128gcm\0"), 16);
        byte[] nonce = hkdf(salt, keyingMaterial, ascii("Content-Encoding: nonce\0"), 12);

        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        GCMParameterSpec parameters = new GCMParameterSpec(TAG_LENGTH * 8, nonce);
        cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key, "AES"), parameters);
        byte[] record = cipher.doFinal(body, HEADER_LENGTH, recordLength);

        int end = record.length - 1;
        while (end >= 0 && record[end] == 0) {
            end--;
        }
        if (end < 0 || record[end] != DELIMITER) {
            throw new OpenException();
        }
        return Arrays.copyOf(record, end);
    }

    /** An uncompressed point, checked to be on the curve; not every provider checks. */
    private static PublicKey decodePoint(byte[] octets)
            throws GeneralSecurityException, OpenException {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
        parameters.init(new ECGenParameterSpec("secp256r1"));
        ECParameterSpec curve = parameters.getParameterSpec(ECParameterSpec.class);

        int middle = 1 + COORDINATE_LENGTH;
        BigInteger x = new BigInteger(1, Arrays.copyOfRange(octets, 1, middle));
        BigInteger y = new BigInteger(1, Arrays.copyOfRange(octets, middle, POINT_LENGTH));
        BigInteger p = ((ECFieldFp) curve.getCurve().getField()).getP();
        BigInteger right = x.multiply(x).add(curve.getCurve().getA()).multiply(x)
                .add(curve.getCurve().getB());
        boolean onCurve = y.multiply(y).subtract(right).mod(p).signum() == 0;
        if (octets[0] != UNCOMPRESSED || x.compareTo(p) >= 0 || y.compareTo(p) >= 0 || !onCurve) {
            throw new OpenException();
        }
        ECPublicKeySpec key = new ECPublicKeySpec(new ECPoint(x, y), curve);
        return KeyFactory.getInstance("EC").generatePublic(key);
    }

    private static byte[] encodePoint(ECPoint point) {
        byte[] octets = new byte[POINT_LENGTH];
        octets[0] = UNCOMPRESSED;
        writeCoordinate(point.getAffineX(), octets, 1 + COORDINATE_LENGTH);
        writeCoordinate(point.getAffineY(), octets, POINT_LENGTH);
        return octets;
    }

    /** Writes a coordinate so that it ends before {@code end}; BigInteger may put a sign octet first. */
    private static void writeCoordinate(BigInteger coordinate, byte[] octets, int end) {
        byte[] bytes = coordinate.toByteArray();
        int length = Math.min(bytes.length, COORDINATE_LENGTH);
        System.arraycopy(bytes, bytes.length - length, octets, end - length, length);
    }

    /** HKDF-SHA-256 (RFC 5869) for at most 32 octets: one round of expansion. */
    private static byte[] hkdf(byte[] salt, byte[] keyingMaterial, byte[] info, int length)
            throws GeneralSecurityException {
        byte[] pseudorandomKey = hmac(salt, keyingMaterial);
        return Arrays.copyOf(hmac(pseudorandomKey, concat(info, new byte[] {1})), length);
    }

    private static byte[] hmac(byte[] key, byte[] message) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(message);
    }

    private static byte[] concat(byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteBuffer whole = ByteBuffer.allocate(length);
        for (byte[] part : parts) {
            whole.put(part);
        }
        return whole.array();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** A body could not be opened. It says no more than that. */
    public static final class OpenException extends Exception {
        private static final long serialVersionUID = 1;

        OpenException() {
            super("the sealed body cannot be opened with these keys");
        }
    }
}
