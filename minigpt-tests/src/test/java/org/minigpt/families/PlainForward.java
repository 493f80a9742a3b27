package org.minigpt.families;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;

/**
 * The logits of a {@link Family} as the equations of the papers and of Hugging Face's modeling_gpt2.py, modeling_llama.py,
 * modeling_qwen2.py and modeling_qwen3.py have them: in doubles, a token and an entry at a time, from the tensors of the
 * folder alone.
 */
final class PlainForward {
    private final Family family;
    private final JsonNode json;

    PlainForward(Family family) {
        this.family = family;
        this.json = family.json();
    }

    /** @return [T][V] */
    double[][] logits(int[] ids) {
        return json.has("n_embd") ? gpt2(ids) : llama(ids);
    }

    private double[][] gpt2(int[] ids) {
        double[][] wte = matrix("transformer.wte.weight");
        double[][] wpe = matrix("transformer.wpe.weight");
        double eps = json.get("layer_norm_epsilon").doubleValue();
        int heads = json.get("n_head").intValue();
        int c = wte[0].length;
        double[][] x = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            x[t] = plus(wte[ids[t]], wpe[t]);
        }
        for (int i = 0; i < json.get("n_layer").intValue(); i++) {
            String h = "transformer.h." + i + ".";
            double[][] q = new double[ids.length][];
            double[][] k = new double[ids.length][];
            double[][] v = new double[ids.length][];
            for (int t = 0; t < ids.length; t++) {
                double[] qkv = conv1d(layerNorm(x[t], h + "ln_1", eps), h + "attn.c_attn");
                q[t] = Arrays.copyOfRange(qkv, 0, c);
                k[t] = Arrays.copyOfRange(qkv, c, 2 * c);
                v[t] = Arrays.copyOfRange(qkv, 2 * c, 3 * c);
            }
            double[][] y = attention(q, k, v, heads, heads, c / heads);
            for (int t = 0; t < ids.length; t++) {
                x[t] = plus(x[t], conv1d(y[t], h + "attn.c_proj"));
                double[] inner = conv1d(layerNorm(x[t], h + "ln_2", eps), h + "mlp.c_fc");
                for (int j = 0; j < inner.length; j++) {
                    double a = inner[j];
                    inner[j] = 0.5 * a * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (a + 0.044715 * a * a * a)));
                }
                x[t] = plus(x[t], conv1d(inner, h + "mlp.c_proj"));
            }
        }
        double[][] logits = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            logits[t] = product(wte, layerNorm(x[t], "transformer.ln_f", eps));
        }
        return logits;
    }

    private double[][] llama(int[] ids) {
        double[][] embedding = matrix("model.embed_tokens.weight");
        double eps = json.get("rms_norm_eps").doubleValue();
        int heads = json.get("num_attention_heads").intValue();
        int kvHeads = json.get("num_key_value_heads").intValue();
        int d = json.path("head_dim").asInt(embedding[0].length / heads);
        double[][] x = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            x[t] = embedding[ids[t]].clone();
        }
        for (int i = 0; i < json.get("num_hidden_layers").intValue(); i++) {
            String layer = "model.layers." + i + ".";
            double[][] q = new double[ids.length][];
            double[][] k = new double[ids.length][];
            double[][] v = new double[ids.length][];
            for (int t = 0; t < ids.length; t++) {
                double[] h = rmsNorm(x[t], layer + "input_layernorm", eps, x[t].length);
                q[t] = linear(h, layer + "self_attn.q_proj");
                k[t] = linear(h, layer + "self_attn.k_proj");
                v[t] = linear(h, layer + "self_attn.v_proj");
                if (family.weights().containsKey(layer + "self_attn.q_norm.weight")) {
                    q[t] = rmsNorm(q[t], layer + "self_attn.q_norm", eps, d);
                    k[t] = rmsNorm(k[t], layer + "self_attn.k_norm", eps, d);
                }
                turn(q[t], t, d);
                turn(k[t], t, d);
            }
            double[][] y = attention(q, k, v, heads, kvHeads, d);
            for (int t = 0; t < ids.length; t++) {
                x[t] = plus(x[t], linear(y[t], layer + "self_attn.o_proj"));
                double[] h = rmsNorm(x[t], layer + "post_attention_layernorm", eps, x[t].length);
                double[] gate = linear(h, layer + "mlp.gate_proj");
                double[] up = linear(h, layer + "mlp.up_proj");
                for (int j = 0; j < gate.length; j++) {
                    gate[j] = gate[j] / (1 + Math.exp(-gate[j])) * up[j];
                }
                x[t] = plus(x[t], linear(gate, layer + "mlp.down_proj"));
            }
        }
        boolean tied = json.get("tie_word_embeddings").booleanValue();
        double[][] head = tied ? embedding : matrix("lm_head.weight");
        double[][] logits = new double[ids.length][];
        for (int t = 0; t < ids.length; t++) {
            logits[t] = product(head, rmsNorm(x[t], "model.norm", eps, x[t].length));
        }
        return logits;
    }

    /** Turns entries j and j + D/2 of each head by t·θ^(-2j/D), or as rope_scaling says by less. */
    private void turn(double[] x, int t, int d) {
        double theta = json.get("rope_theta").doubleValue();
        JsonNode scaling = json.path("rope_scaling");
        for (int at = 0; at < x.length; at += d) {
            for (int j = 0; j < d / 2; j++) {
                double frequency = Math.pow(theta, -2.0 * j / d);
                if (scaling.path("type").asText().equals("linear")) {
                    frequency /= scaling.get("factor").doubleValue();
                } else if (scaling.path("rope_type").asText().equals("llama3")) {
                    frequency = llama3(frequency, scaling);
                }
                double angle = t * frequency;
                double a = x[at + j];
                double b = x[at + j + d / 2];
                x[at + j] = a * Math.cos(angle) - b * Math.sin(angle);
                x[at + j + d / 2] = b * Math.cos(angle) + a * Math.sin(angle);
            }
        }
    }

    /** By the lengths of the waves, as {@code _compute_llama3_parameters} there. */
    private static double llama3(double frequency, JsonNode scaling) {
        double factor = scaling.get("factor").doubleValue();
        double low = scaling.get("low_freq_factor").doubleValue();
        double high = scaling.get("high_freq_factor").doubleValue();
        double context = scaling.get("original_max_position_embeddings").doubleValue();
        double wave = 2 * Math.PI / frequency;
        if (wave > context / low) {
            return frequency / factor;
        }
        if (wave < context / high) {
            return frequency;
        }
        double smooth = (context / wave - low) / (high - low);
        return (1 - smooth) * frequency / factor + smooth * frequency;
    }

    private static double[][] attention(double[][] q, double[][] k, double[][] v, int heads, int kvHeads, int d) {
        double[][] y = new double[q.length][heads * d];
        for (int head = 0; head < heads; head++) {
            int from = head * d;
            int shared = head / (heads / kvHeads) * d;
            for (int t = 0; t < q.length; t++) {
                double[] p = new double[t + 1];
                double sum = 0;
                for (int s = 0; s <= t; s++) {
                    double dot = 0;
                    for (int e = 0; e < d; e++) {
                        dot += q[t][from + e] * k[s][shared + e];
                    }
                    sum += p[s] = Math.exp(dot / Math.sqrt(d));
                }
                for (int s = 0; s <= t; s++) {
                    for (int e = 0; e < d; e++) {
                        y[t][from + e] += p[s] / sum * v[s][shared + e];
                    }
                }
            }
        }
        return y;
    }

    private double[] rmsNorm(double[] x, String name, double eps, int width) {
        double[] gain = vector(name + ".weight");
        double[] y = new double[x.length];
        for (int at = 0; at < x.length; at += width) {
            double sum = 0;
            for (int j = 0; j < width; j++) {
                sum += x[at + j] * x[at + j];
            }
            for (int j = 0; j < width; j++) {
                y[at + j] = x[at + j] / Math.sqrt(sum / width + eps) * gain[j];
            }
        }
        return y;
    }

    private double[] layerNorm(double[] x, String name, double eps) {
        double[] gain = vector(name + ".weight");
        double[] bias = vector(name + ".bias");
        double mean = Arrays.stream(x).average().orElseThrow();
        double variance =
                Arrays.stream(x).map(a -> (a - mean) * (a - mean)).average().orElseThrow();
        double[] y = new double[x.length];
        for (int j = 0; j < x.length; j++) {
            y[j] = (x[j] - mean) / Math.sqrt(variance + eps) * gain[j] + bias[j];
        }
        return y;
    }

    /** PyTorch's: the weight is [out,in]. */
    private double[] linear(double[] x, String name) {
        double[] y = product(matrix(name + ".weight"), x);
        return family.weights().containsKey(name + ".bias") ? plus(y, vector(name + ".bias")) : y;
    }

    /** GPT-2's: the weight is [in,out]. */
    private double[] conv1d(double[] x, String name) {
        double[][] weight = matrix(name + ".weight");
        double[] y = vector(name + ".bias");
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < y.length; j++) {
                y[j] += x[i] * weight[i][j];
            }
        }
        return y;
    }

    private static double[] product(double[][] rows, double[] x) {
        double[] y = new double[rows.length];
        for (int i = 0; i < y.length; i++) {
            for (int j = 0; j < x.length; j++) {
                y[i] += rows[i][j] * x[j];
            }
        }
        return y;
    }

    private static double[] plus(double[] a, double[] b) {
        double[] sum = new double[a.length];
        Arrays.setAll(sum, i -> a[i] + b[i]);
        return sum;
    }

    private double[][] matrix(String name) {
        return family.weights().get(name).toDoubleMatrix();
    }

    private double[] vector(String name) {
        return family.weights().get(name).toDoubleVector();
    }
}
