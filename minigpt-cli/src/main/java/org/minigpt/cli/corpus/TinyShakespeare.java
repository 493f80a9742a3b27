package org.minigpt.cli.corpus;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.minigpt.MiniGptException;

/**
 * Tiny Shakespeare, the text of Karpathy's char-rnn, of the lecture and of nanoGPT's {@code shakespeare_char}. The
 * environment variable {@value #URL_VARIABLE} names another place to get it from.
 */
public final class TinyShakespeare {
    private static final String URL_VARIABLE = "MINIGPT_SHAKESPEARE_URL";
    private static final String URL =
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt";
    private static final long BYTES = 1_115_394;
    private static final String SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed";

    private TinyShakespeare() {}

    /** @return the file in the user's cache, downloaded if it is not there yet */
    public static Path file() {
        return download(System.getenv()).fetch();
    }

    /** @return whether the file is in the user's cache */
    public static boolean isCached() {
        return Files.isRegularFile(download(System.getenv()).file());
    }

    private static Download download(Map<String, String> env) {
        return new Download(
                "Tiny Shakespeare",
                url(env),
                BYTES,
                SHA256,
                UserCache.directory(env).resolve("tinyshakespeare.txt"));
    }

    private static URI url(Map<String, String> env) {
        try {
            return new URI(env.getOrDefault(URL_VARIABLE, URL));
        } catch (URISyntaxException e) {
            throw new MiniGptException(
                    URL_VARIABLE + " is " + e.getInput() + ", which is not a URL: correct or unset it.", e);
        }
    }
}
