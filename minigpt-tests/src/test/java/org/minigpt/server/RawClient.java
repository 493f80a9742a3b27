package org.minigpt.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;

/** Sends bytes, whatever they are. */
final class RawClient {
    private static final int PATIENCE_MILLIS = 10_000;

    private final int port;

    RawClient(int port) {
        this.port = port;
    }

    Socket connect() throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(PATIENCE_MILLIS);
        return socket;
    }

    static byte[] post(String path, byte[] body, String moreHeaders) {
        ByteArrayOutputStream request = new ByteArrayOutputStream();
        request.writeBytes(("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Content-Length: " + body.length + "\r\n" + moreHeaders + "\r\n")
                .getBytes(ISO_8859_1));
        request.writeBytes(body);
        return request.toByteArray();
    }

    static byte[] post(String path, String body) {
        return post(path, body.replace('\'', '"').getBytes(UTF_8), "");
    }

    String exchange(String request) throws IOException {
        return exchange(request.getBytes(ISO_8859_1));
    }

    /** @return all that comes until the server closes the connection */
    String exchange(byte[] request) throws IOException {
        try (Socket socket = connect()) {
            send(socket, request);
            return readAll(socket);
        }
    }

    /** Sends as much as the server takes. */
    static void send(Socket socket, byte[] bytes) {
        try {
            socket.getOutputStream().write(bytes);
        } catch (IOException e) {
            // It has closed the connection, which the reader will see.
        }
    }

    static String readAll(Socket socket) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[8192];
        try {
            for (int n = socket.getInputStream().read(buffer);
                    n >= 0;
                    n = socket.getInputStream().read(buffer)) {
                all.write(buffer, 0, n);
            }
        } catch (SocketTimeoutException e) {
            throw new AssertionError("the server neither answers nor closes: " + all.toString(UTF_8), e);
        } catch (IOException e) {
            // Reset: what came before counts.
        }
        return all.toString(UTF_8);
    }
}
