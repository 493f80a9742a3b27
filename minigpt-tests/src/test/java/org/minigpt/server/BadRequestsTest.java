package org.minigpt.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.minigpt.testing.Sentences.assertSentence;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.minigpt.MiniGptException;
import org.minigpt.model.Gpt;
import org.minigpt.text.CharTokenizer;

/** What is wrong with a request is said in a sentence, in the shape of OpenAI's errors. */
class BadRequestsTest {
    private static Served served;

    @BeforeAll
    static void start() {
        served = new Served(ServerOptions.builder().maxRequestBytes(2000).maxTokens(50));
    }

    @AfterAll
    static void stop() {
        served.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'max_tokens':51} | max_tokens | max_tokens is 51 but must be a whole number from 0 to 50",
                "{'max_tokens':-1} | max_tokens | max_tokens is -1 but must be a whole number from 0 to 50",
                "{'max_tokens':1.5} | max_tokens | max_tokens is 1.5 but must be a whole number from 0 to 50",
                "{'max_tokens':'9'} | max_tokens | max_tokens is \"9\" but must be a whole number from 0 to 50",
                "{'max_tokens':99999999999999999999} | max_tokens | max_tokens is 99999999999999999999 but must be a"
                        + " whole number from 0 to 50",
                "{'temperature':-0.5} | temperature | temperature is -0.5 but must be at least 0; 0.8 is usual, and 0"
                        + " always takes the most likely token",
                "{'temperature':'hot'} | temperature | temperature is \"hot\" but must be a number",
                "{'temperature':1e999} | temperature | temperature is \"Infinity\" but must be a number",
                "{'top_p':0} | top_p | top_p is 0.0 but must be above 0 and at most 1; 0.9 is usual, and 1 the most",
                "{'top_p':[1]} | top_p | top_p is [1] but must be a number",
                "{'top_k':-2} | top_k | top_k is -2 but must be a whole number from -1 to 2147483647",
                "{'min_p':2} | min_p | min_p is 2.0 but must be above 0 and at most 1; 0.05 is usual, and 1 the most",
                "{'n':0} | n | n is 0 but must be a whole number from 1 to 8",
                "{'n':5,'prompt':['a','b']} | n | 2 prompts with 5 choices each are more than the 8 choices that a"
                        + " request may ask for; ask for fewer, or start the server with a larger --max-choices",
                "{'prompt':5} | prompt | prompt is 5 but must be a string, or an array of strings or of token ids",
                "{'prompt':[]} | prompt | prompt is an array of 0 but must have from 1 to 8 elements",
                "{'prompt':['a','a','a','a','a','a','a','a','a']} | prompt | prompt is an array of 9 but must have from"
                        + " 1 to 8 elements",
                "{'prompt':['a',7]} | prompt | prompt is 7 but must be a string or an array of token ids, not empty",
                "{'prompt':[1,'a']} | prompt | prompt is \"a\" but must be made of token ids from 0 to 9",
                "{'prompt':[1,10]} | prompt | prompt is 10 but must be made of token ids from 0 to 9",
                "{'prompt':[[]]} | prompt | prompt is [] but must be a string or an array of token ids, not empty",
                "{'seed':'x'} | seed | seed is \"x\" but must be a whole number of 64 bits",
                "{'stop':''} | stop | a stop text is empty, so nothing would be generated; leave it out",
                "{'stop':'','temperature':0.5} | stop | a stop text is empty, so nothing would be generated; leave it out",
                "{'stop':[1]} | stop | stop is [1] but must be a string, or an array of at most 16 strings",
                "{'stream':'yes'} | stream | stream is \"yes\" but must be true or false",
                "{'stream_options':{}} | stream_options | stream_options is for streams, and must be an object; leave it"
                        + " out, or stream",
                "{'logprobs':21} | logprobs | logprobs is 21 but must be a whole number from 0 to 20",
                "{'n':2,'best_of':1} | best_of | best_of is 1 but must be at least n, which is 2",
                "{'best_of':2,'stream':true} | best_of | best_of can't be streamed, as it is not known before the end"
                        + " which text is best; leave out best_of or stream",
                "{'logit_bias':{'10':5}} | logit_bias | logit_bias is {\"10\":5} but must be an object of at most 1024"
                        + " token ids from 0 to 9 with numbers from -100 to 100",
                "{'logit_bias':{'1':101}} | logit_bias | logit_bias is {\"1\":101} but must be an object of at most 1024"
                        + " token ids from 0 to 9 with numbers from -100 to 100",
                "{'frequency_penalty':101} | frequency_penalty | frequency_penalty is 101.0 but must be from -100 to"
                        + " 100; 0.5 is usual, and 0 changes nothing",
                "{'stream':true,'stream_options':{'include_usage':'yes'}} | stream_options.include_usage |"
                        + " stream_options.include_usage is \"yes\" but must be true or false",
                "{'suffix':'z'} | suffix | the model's vocabulary has no tokens by which to fill in before a suffix, such as"
                        + " <fim_prefix>; leave it out",
                "{'repeat_penalty':1.1} | repeat_penalty | repeat_penalty is not supported here; leave it out",
                "{'max_token':5} | max_token | the parameter \"max_token\" is not known here; leave it out",
                "[1] | | the body is not a JSON object; send one such as {\"prompt\": \"Once\"}",
            })
    void aWrongParameterIsNamed(String body, String parameter, String sentence) throws Exception {
        assertNamed("/v1/completions", body, parameter, sentence);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "/v1/embeddings | {} | input | there is no input; give a string, or an array of strings",
                "/v1/embeddings | {'input':['a','']} | input | a text of input is empty, so that there is nothing to embed;"
                        + " leave it out",
                "/v1/embeddings | {'input':'abababababaab'} | input | a text of input has 13 tokens, but the model sees 12;"
                        + " cut it into parts",
                "/v1/embeddings | {'input':'a','dimensions':4} | dimensions | dimensions is 4 but the model's embeddings"
                        + " have 8; leave it out",
                "/v1/embeddings | {'input':'a','encoding_format':'hex'} | encoding_format | encoding_format is \"hex\" but"
                        + " must be float or base64",
                "/v1/embeddings | {'input':[10]} | input | input is 10 but must be made of token ids from 0 to 9",
                "/v1/attention | {'prompt':'ab','layer':1} | head | layer and head name one head together; give both, or"
                        + " neither",
                "/v1/attention | {'prompt':'ab','layer':2,'head':0} | layer | layer is 2 but must be a whole number from"
                        + " 0 to 1",
            })
    void aWrongParameterOfOtherPathsIsNamed(String path, String body, String parameter, String sentence)
            throws Exception {
        assertNamed(path, body, parameter, sentence);
    }

    private static void assertNamed(String path, String body, String parameter, String sentence) throws Exception {
        HttpResponse<String> response = served.post(path, body.replace('\'', '"'));

        assertEquals(400, response.statusCode());
        JsonNode error = Served.json(response.body()).get("error");
        assertEquals(sentence, error.get("message").asText());
        assertEquals("invalid_request_error", error.get("type").asText());
        assertEquals(parameter, error.get("param").textValue());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'' | 400 | the body is not",
                "'{' | 400 | the body is not valid JSON",
                "'{\"prompt\":\"a\"} x' | 400 | the body is not valid JSON",
                "'{\"prompt\":\"a\",\"prompt\":\"b\"}' | 400 | the body is not valid JSON (Duplicate field 'prompt')",
                "'[[[[[[[[[[[[[[[[[[[[[[[[' | 400 | the body is not valid JSON",
                "'{\"model\":\"gpt-4\"}' | 404 | there is no such model here; ask for \"minigpt\"",
                "'{\"prompt\":\"x\"}' | 400 | ",
            })
    void aBodyThatIsNoRequest(String body, int status, String sentence) throws Exception {
        HttpResponse<String> response = served.post("/v1/completions", body);

        assertEquals(status, response.statusCode(), response.body());
        String message = Served.json(response.body()).at("/error/message").asText();
        assertTrue(message.startsWith(sentence == null ? "" : sentence), message);
    }

    @Test
    void aCharacterThatTheModelDoesNotKnowIsNamed() throws Exception {
        JsonNode error = Served.json(
                        served.post("/v1/completions", "{\"prompt\":\"abX\"}").body())
                .get("error");

        assertEquals("prompt", error.get("param").asText());
        assertTrue(error.get("message").asText().contains("'X' (U+0058)"), error::toString);
    }

    @Test
    void bodiesThatAreTooLarge() throws Exception {
        HttpResponse<String> response = served.post("/v1/completions", "{\"prompt\":\"" + "a".repeat(3000) + "\"}");

        assertEquals(413, response.statusCode());
        assertEquals(
                "the request's body has more than 2000 bytes; send less, or start the server with a larger"
                        + " --max-request-bytes",
                Served.json(response.body()).at("/error/message").asText());
    }

    @Test
    void pathsMethodsAndTypes() throws Exception {
        assertEquals(404, served.get("/nothing").statusCode());
        assertEquals(400, served.get("/../page.html").statusCode());
        HttpResponse<String> get = served.get("/v1/completions");
        assertEquals(405, get.statusCode());
        assertEquals("POST", get.headers().firstValue("Allow").orElse(""));
        HttpResponse<String> post = served.post("/v1/models", "{}");
        assertEquals(405, post.statusCode());
        assertEquals("GET, HEAD", post.headers().firstValue("Allow").orElse(""));
        assertTrue(new RawClient(served.port())
                .exchange("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                        + "Content-Length: 2\r\nConnection: close\r\n\r\n{}")
                .startsWith("HTTP/1.1 415 "));
        assertTrue(new RawClient(served.port())
                .exchange("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .endsWith("\r\n\r\n"));
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "localhost, -, 200",
                "localhost:9, -, 200",
                "127.0.0.1:8080, -, 200",
                "[::1]:8080, -, 200",
                "192.168.1.7, -, 200",
                "127.0.0.1:8080, http://127.0.0.1:8080, 200",
                // A name that was bound to the address of this machine once its page was loaded.
                "evil.example, -, 403",
                "evil.example, http://evil.example, 403",
                "localhost.evil.example, -, 403",
                "127.0.0.1.evil.example, -, 403",
                // A page that posts.
                "localhost, http://evil.example, 403",
                "localhost, null, 403",
                "localhost:8080, http://localhost:9090, 403",
            })
    void pagesOfOthersMayNotCallIt(String host, String origin, int status) throws Exception {
        String answer = new RawClient(served.port())
                .exchange("GET /health HTTP/1.1\r\nHost: " + host + "\r\n"
                        + (origin == null ? "" : "Origin: " + origin + "\r\n") + "Connection: close\r\n\r\n");
        assertTrue(answer.startsWith("HTTP/1.1 " + status + " "), answer);
    }

    @Test
    void aNameMayBeAllowed() throws Exception {
        try (Served named = new Served(ServerOptions.builder().allowedHosts(java.util.List.of("Box.lan")))) {
            RawClient client = new RawClient(named.port());
            assertTrue(client.exchange("GET /health HTTP/1.1\r\nHost: box.lan:80\r\nConnection: close\r\n\r\n")
                    .startsWith("HTTP/1.1 200 "));
        }
    }

    @Test
    void requestsWithoutAHostOrWithTwo() throws Exception {
        RawClient client = new RawClient(served.port());
        assertTrue(
                client.exchange("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").startsWith("HTTP/1.1 400 "));
        assertTrue(client.exchange("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .startsWith("HTTP/1.1 400 "));
    }

    @Test
    void optionsAreChecked() {
        assertSentence(
                "port is 65536 but must be from 0, any that is free, to 65535",
                () -> ServerOptions.builder().port(65536).build());
        assertSentence(
                "max_concurrent is 0 but must be at least 1; 32 is usual",
                () -> ServerOptions.builder().maxConcurrent(0).build());
        assertSentence(
                "timeout is PT0S but must be positive; a minute is usual",
                () -> ServerOptions.builder().timeout(Duration.ZERO).build());
        assertEquals("::1", ServerOptions.builder().host("[::1]").build().host());
    }

    @Test
    void whatCantBeServed() {
        int port = served.port();
        // What stands in the brackets is the system's.
        String message = assertThrows(
                        MiniGptException.class,
                        () -> ModelServer.start(
                                served.gpt,
                                Served.TOKENIZER,
                                ServerOptions.builder().port(port).build()))
                .getMessage();
        assertTrue(message.startsWith("the server can't listen at 127.0.0.1 port " + port + " ("), message);
        assertTrue(message.endsWith("); choose another --port or --host"), message);
        assertSentence(
                "there is no address no such host to listen at; choose another --host, such as 127.0.0.1",
                () -> ModelServer.start(
                        served.gpt,
                        Served.TOKENIZER,
                        ServerOptions.builder().host("no such host").build()));
        Gpt diverged = Gpt.create(served.gpt.config(), 1);
        diverged.flatParameters().assign(Double.NaN);
        ServerOptions options = ServerOptions.builder().port(0).build();
        assertSentence(
                "the model's logits are NaN, so its training has diverged; use a model that was saved before, or train"
                        + " again with a smaller learning rate",
                () -> ModelServer.start(diverged, Served.TOKENIZER, options));
        assertSentence(
                "the tokenizer has 2 tokens, but the model has 10; use the tokenizer that was saved with the model",
                () -> ModelServer.start(served.gpt, CharTokenizer.fromCorpus("ab"), options));
    }

    @Test
    void malformedUtf8IsRefused() throws Exception {
        byte[] body = "{\"prompt\":\"ab?\"}".getBytes(UTF_8);
        body[13] = (byte) 0xC3;
        String answer =
                new RawClient(served.port()).exchange(RawClient.post("/v1/completions", body, "Connection: close\r\n"));
        assertTrue(answer.startsWith("HTTP/1.1 400 "), answer);
        assertTrue(answer.contains("not valid JSON"), answer);
    }
}
