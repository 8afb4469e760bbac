import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPrivateKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.Map;

/**
 * Runs {@link SealedMessages} on the vectors that all receivers share; no test framework. Prints
 * what it did, and fails with an exception.
 *
 * <p>{@code javac -d out *.java && java -cp out SealedMessagesTest ../../tests/receivers/vectors.txt}
 */
final class SealedMessagesTest {
    private static SealedMessages sealed;
    private static int opened;
    private static int refused;
    private static int openedTexts;
    private static int refusedTexts;

    public static void main(String[] arguments) throws Exception {
        byte[] published = null;
        for (String line : Files.readAllLines(Paths.get(arguments[0]))) {
            String[] words = line.split(" ");
            switch (words[0]) {
                case "keys":
                    sealed = keys(words[1], words[2], words[3]);
                    break;
                case "open":
                    opens(words[1], octets(words, 2), octets(words, 3));
                    if (words[1].equals("rfc8291")) {
                        published = octets(words, 2);
                    }
                    break;
                case "refuse":
                    refuses(words[1], octets(words, 2));
                    break;
                case "open-text":
                    check(Arrays.equals(openText(words[2]), octets(words, 3)), words[1]);
                    openedTexts++;
                    break;
                case "refuse-text":
                    refusesText(words.length > 2 ? words[2] : "");
                    break;
                default:
                    check(line.startsWith("#"), line);
            }
        }
        System.out.println("opened " + opened + ", refused " + refused);
        System.out.println("texts: opened " + openedTexts + ", refused " + refusedTexts);
        everyBitFlipIsRefused(published);
        everyTruncationIsRefused(published);
        whatIsMissingIsRefused();
        generatedKeysMakeATokenAndOpenNothingOfOthers(published);
        System.out.println("ok");
    }

    private static void everyBitFlipIsRefused(byte[] body) {
        for (int position = 0; position < body.length; position++) {
            // The record size is not authenticated.
            if (position >= 16 && position < 20) {
                continue;
            }
            for (int bit = 0; bit < 8; bit++) {
                byte[] flipped = body.clone();
                flipped[position] ^= (byte) (1 << bit);
                refuses("octet " + position + ", bit " + bit, flipped);
            }
        }
    }

    private static void everyTruncationIsRefused(byte[] body) {
        for (int length = 0; length < body.length; length++) {
            refuses(length + " octets", Arrays.copyOf(body, length));
        }
    }

    private static void whatIsMissingIsRefused() {
        refuses("null", null);
        refusesText(null);
        for (Map<String, String> data :
                Arrays.asList(null, Collections.<String, String>emptyMap())) {
            try {
                sealed.openData(data);
                throw new AssertionError("opened " + data);
            } catch (SealedMessages.OpenException expected) {
                // As it should be.
            }
        }
    }

    private static byte[] openText(String text) throws SealedMessages.OpenException {
        return sealed.openData(Collections.singletonMap("e2ee", text));
    }

    private static void refusesText(String text) {
        try {
            openText(text);
            throw new AssertionError("opened " + text);
        } catch (SealedMessages.OpenException expected) {
            refusedTexts++;
        }
    }

    private static void generatedKeysMakeATokenAndOpenNothingOfOthers(byte[] body)
            throws Exception {
        SealedMessages fresh = SealedMessages.generate();
        check(fresh.fcmToken("abc:def").matches(
                "\\{\"provider\":\"fcm\",\"token\":\"abc:def\",\"keys\":"
                        + "\\{\"p256dh\":\"B[\\w-]{86}\",\"auth\":\"[\\w-]{22}\"}}"), "token");
        try {
            fresh.fcmToken("a\"b");
            throw new AssertionError("a quote in a token");
        } catch (IllegalArgumentException expected) {
            // As it should be.
        }
        try {
            fresh.open(body);
            throw new AssertionError("opened another's message");
        } catch (SealedMessages.OpenException expected) {
            // As it should be.
        }
    }

    private static void opens(String name, byte[] body, byte[] plaintext) throws Exception {
        check(Arrays.equals(sealed.open(body), plaintext), name);
        opened++;
    }

    private static void refuses(String name, byte[] body) {
        try {
            sealed.open(body);
            throw new AssertionError("opened " + name);
        } catch (SealedMessages.OpenException expected) {
            refused++;
        }
    }

    private static SealedMessages keys(String privateKey, String p256dh, String auth)
            throws GeneralSecurityException, IOException {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
        parameters.init(new ECGenParameterSpec("secp256r1"));
        ECParameterSpec curve = parameters.getParameterSpec(ECParameterSpec.class);
        BigInteger scalar = new BigInteger(1, decode(privateKey));
        PrivateKey key =
                KeyFactory.getInstance("EC").generatePrivate(new ECPrivateKeySpec(scalar, curve));
        return new SealedMessages(key, decode(p256dh), decode(auth));
    }

    private static byte[] octets(String[] words, int index) {
        return index < words.length ? decode(words[index]) : new byte[0];
    }

    private static byte[] decode(String text) {
        return Base64.getUrlDecoder().decode(text);
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    private SealedMessagesTest() {}
}
