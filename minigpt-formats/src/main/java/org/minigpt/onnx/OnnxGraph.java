package org.minigpt.onnx;

import java.io.IOException;
import java.lang.ref.Reference;
import java.util.List;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.TypeProto;
import onnx.Onnx.ValueInfoProto;
import org.minigpt.internal.tensors.Dtype;
import org.minigpt.internal.tensors.FloatValues;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.shade.protobuf.ByteString;

/** An ONNX graph in the making, of the classes that ND4J brings along to import such graphs. */
final class OnnxGraph {
    /** The number that stands for F32. */
    static final int FLOAT = 1;

    /** The number that stands for I64. */
    static final int INT64 = 7;

    private final GraphProto.Builder graph = GraphProto.newBuilder();

    OnnxGraph(String name) {
        graph.setName(name);
    }

    GraphProto build() {
        return graph.build();
    }

    void input(String name, int type, Object... sizes) {
        graph.addInput(value(name, type, sizes));
    }

    void output(String name, int type, Object... sizes) {
        graph.addOutput(value(name, type, sizes));
    }

    /** @param sizes numbers, or the names of sizes that are open */
    private static ValueInfoProto value(String name, int type, Object... sizes) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        for (Object size : sizes) {
            if (size instanceof String open) {
                shape.addDimBuilder().setDimParam(open);
            } else {
                shape.addDimBuilder().setDimValue(((Number) size).longValue());
            }
        }
        TypeProto.Tensor tensor =
                TypeProto.Tensor.newBuilder().setElemType(type).setShape(shape).build();
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder().setTensorType(tensor))
                .build();
    }

    /** Adds a FLOAT array as a constant; its values are copied once. */
    void parameter(String name, INDArray array) throws IOException {
        ByteString.Output values = ByteString.newOutput(Math.toIntExact(array.length() * Float.BYTES));
        FloatValues.write(array, Dtype.F32, values);
        TensorProto.Builder tensor =
                TensorProto.newBuilder().setName(name).setDataType(FLOAT).setRawData(values.toByteString());
        for (long size : array.shape()) {
            tensor.addDims(size);
        }
        graph.addInitializer(tensor);
        Reference.reachabilityFence(array);
    }

    String scalar(String name, double value) {
        graph.addInitializer(
                TensorProto.newBuilder().setName(name).setDataType(FLOAT).addFloatData((float) value));
        return name;
    }

    String scalar(String name, long value) {
        graph.addInitializer(
                TensorProto.newBuilder().setName(name).setDataType(INT64).addInt64Data(value));
        return name;
    }

    String list(String name, long... values) {
        TensorProto.Builder tensor =
                TensorProto.newBuilder().setName(name).setDataType(INT64).addDims(values.length);
        for (long value : values) {
            tensor.addInt64Data(value);
        }
        graph.addInitializer(tensor);
        return name;
    }

    /** Adds a node with one output, which has its name. */
    String node(String name, String op, List<String> inputs, AttributeProto... attributes) {
        return nodes(op, inputs, List.of(name), attributes).get(0);
    }

    List<String> nodes(String op, List<String> inputs, List<String> outputs, AttributeProto... attributes) {
        graph.addNode(NodeProto.newBuilder()
                .setName(outputs.get(0))
                .setOpType(op)
                .addAllInput(inputs)
                .addAllOutput(outputs)
                .addAllAttribute(List.of(attributes)));
        return outputs;
    }

    static AttributeProto attribute(String name, long value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.INT)
                .setI(value)
                .build();
    }

    static AttributeProto attribute(String name, float value) {
        return AttributeProto.newBuilder()
                .setName(name)
                .setType(AttributeProto.AttributeType.FLOAT)
                .setF(value)
                .build();
    }

    static AttributeProto attribute(String name, long... values) {
        AttributeProto.Builder attribute =
                AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
        for (long value : values) {
            attribute.addInts(value);
        }
        return attribute.build();
    }
}
