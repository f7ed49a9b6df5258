package io.cmfhub.sql;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs one SQL statement as a Flink job, after a script that makes its catalogs and tables.
 *
 * <p>Arguments: the statement; and, if there is a script, its encryption. That is base64 of a nonce of 12 bytes
 * and what AES-GCM makes of the script with the key in the file KEY (base64 of 16 or 32 bytes). The script is
 * statements separated by a zero character, which SQL cannot have. It may have credentials in it: nothing of it
 * is printed, and no error quotes it.
 */
public final class SqlRunner {
    static final Path KEY = Path.of("/opt/flink/statement-secret/key");
    private static final int NONCE = 12;

    private SqlRunner() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 1 || arguments.length > 2) {
            throw new IllegalArgumentException("arguments: STATEMENT [ENCRYPTED-SCRIPT]");
        }
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.newInstance().build());
        if (arguments.length == 2) {
            prepare(tables, decrypted(arguments[1]).split("\0"));
        }
        tables.executeSql(arguments[0]);
    }

    private static void prepare(TableEnvironment tables, String[] script) {
        for (int number = 0; number < script.length; number++) {
            try {
                tables.executeSql(script[number]);
            } catch (RuntimeException error) {
                // No cause: Flink's messages quote the options of a table, and so its credentials.
                throw new IllegalStateException(
                        "Statement " + (number + 1) + " of " + script.length + " that make catalogs and tables failed: "
                                + error.getClass().getName());
            }
        }
    }

    private static String decrypted(String text) throws IOException, GeneralSecurityException {
        String file = System.getProperty("cmf.statement.key", KEY.toString());
        byte[] key = Base64.getDecoder().decode(Files.readString(Path.of(file)).trim());
        byte[] sealed = Base64.getDecoder().decode(text);
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(
                Cipher.DECRYPT_MODE,
                new SecretKeySpec(key, "AES"),
                new GCMParameterSpec(128, Arrays.copyOf(sealed, NONCE)));
        byte[] open = cipher.doFinal(sealed, NONCE, sealed.length - NONCE);
        return new String(open, StandardCharsets.UTF_8);
    }
}
