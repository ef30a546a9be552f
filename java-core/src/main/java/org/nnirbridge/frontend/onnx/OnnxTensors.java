package org.nnirbridge.frontend.onnx;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.diagnostic.UnsupportedModel;
import org.nnirbridge.frontend.onnx.proto.Onnx.StringStringEntryProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.TensorProto;
import org.nnirbridge.frontend.onnx.proto.Onnx.TensorProto.DataType;
import org.nnirbridge.nnir.Tensor;

/** Tensors of an ONNX model as float32, in the model's file or in files beside it. */
final class OnnxTensors {
  private static final int MOST_VALUES = 1 << 28;

  /** Where the model lies; files with its tensors lie there or below. */
  private final Path directory;

  OnnxTensors(Path directory) {
    this.directory = directory.toAbsolutePath().normalize();
  }

  /**
   * The values of a tensor.
   *
   * @throws MalformedFile when they are not as many as the shape says, or cannot be read
   */
  Tensor read(TensorProto tensor) {
    long size = 1;
    for (long extent : tensor.getDimsList()) {
      size = extent < 0 || extent > MOST_VALUES ? MOST_VALUES + 1L : size * extent;
      if (size > MOST_VALUES) {
        throw malformed(tensor, "has the shape " + tensor.getDimsList());
      }
    }
    IntToDoubleFunction values = values(tensor, (int) size);
    float[] floats = new float[(int) size];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values.applyAsDouble(i);
    }
    List<Integer> shape = tensor.getDimsList().stream().map(Long::intValue).toList();
    return new Tensor(shape, floats);
  }

  /** Whether values are counted or compared, not measured. */
  static boolean isInteger(int dataType) {
    DataType type = DataType.forNumber(dataType);
    return type == DataType.INT64
        || type == DataType.INT32
        || type == DataType.INT16
        || type == DataType.INT8
        || type == DataType.UINT8
        || type == DataType.BOOL;
  }

  private IntToDoubleFunction values(TensorProto tensor, int size) {
    DataType type = DataType.forNumber(tensor.getDataType());
    if (type == null) {
      throw malformed(tensor, "has the unknown type " + tensor.getDataType());
    }
    boolean external = tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL;
    if (external || tensor.hasRawData()) {
      ByteBuffer raw = external ? externalData(tensor) : tensor.getRawData().asReadOnlyByteBuffer();
      int width = width(type, tensor);
      if (raw.remaining() != (long) size * width) {
        throw malformed(tensor, "has " + raw.remaining() + " bytes for " + size + " values");
      }
      return raw(type, raw.order(ByteOrder.LITTLE_ENDIAN), tensor);
    }
    int count =
        switch (type) {
          case FLOAT -> tensor.getFloatDataCount();
          case DOUBLE -> tensor.getDoubleDataCount();
          case INT64 -> tensor.getInt64DataCount();
          default -> tensor.getInt32DataCount();
        };
    if (count != size) {
      throw malformed(tensor, "has " + count + " values, not " + size);
    }
    return switch (type) {
      case FLOAT -> tensor::getFloatData;
      case DOUBLE -> tensor::getDoubleData;
      case INT64 -> tensor::getInt64Data;
      case INT32, INT16, INT8, UINT8, BOOL -> tensor::getInt32Data;
      case FLOAT16 -> i -> half((short) tensor.getInt32Data(i));
      case BFLOAT16 -> i -> Float.intBitsToFloat(tensor.getInt32Data(i) << 16);
      default -> throw unsupported(type, tensor);
    };
  }

  private static int width(DataType type, TensorProto tensor) {
    return switch (type) {
      case DOUBLE, INT64 -> 8;
      case FLOAT, INT32 -> 4;
      case FLOAT16, BFLOAT16, INT16 -> 2;
      case INT8, UINT8, BOOL -> 1;
      default -> throw unsupported(type, tensor);
    };
  }

  private static IntToDoubleFunction raw(DataType type, ByteBuffer raw, TensorProto tensor) {
    int start = raw.position();
    return switch (type) {
      case FLOAT -> i -> raw.getFloat(start + 4 * i);
      case DOUBLE -> i -> raw.getDouble(start + 8 * i);
      case INT64 -> i -> raw.getLong(start + 8 * i);
      case INT32 -> i -> raw.getInt(start + 4 * i);
      case INT16 -> i -> raw.getShort(start + 2 * i);
      case INT8 -> i -> raw.get(start + i);
      case UINT8, BOOL -> i -> raw.get(start + i) & 0xFF;
      case FLOAT16 -> i -> half(raw.getShort(start + 2 * i));
      case BFLOAT16 -> i -> Float.intBitsToFloat(raw.getShort(start + 2 * i) << 16);
      default -> throw unsupported(type, tensor);
    };
  }

  /** The value of an IEEE 754 binary16. */
  private static double half(short bits) {
    int exponent = bits >> 10 & 0x1F;
    int fraction = bits & 0x3FF;
    double magnitude =
        exponent == 0x1F
            ? fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN
            : exponent == 0
                ? fraction * 0x1p-24
                : Math.scalb((double) (fraction | 0x400), exponent - 25);
    return bits < 0 ? -magnitude : magnitude;
  }

  private ByteBuffer externalData(TensorProto tensor) {
    Path file = directory.resolve(external(tensor, "location", "")).normalize();
    if (!file.startsWith(directory)) {
      throw malformed(tensor, "lies outside of the model's directory, in " + file);
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long offset = Long.parseLong(external(tensor, "offset", "0"));
      long length = Long.parseLong(external(tensor, "length", "" + (channel.size() - offset)));
      if (offset < 0 || length < 0 || offset + length > channel.size() || length > 1L << 31) {
        throw malformed(tensor, "does not lie within " + file);
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) length);
      while (bytes.hasRemaining() && channel.read(bytes, offset + bytes.position()) >= 0) {
        // Until all of it is there.
      }
      return bytes.flip();
    } catch (IOException | NumberFormatException e) {
      throw malformed(tensor, "cannot be read from " + file + ": " + e.getMessage());
    }
  }

  private static String external(TensorProto tensor, String key, String otherwise) {
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      if (entry.getKey().equals(key)) {
        return entry.getValue();
      }
    }
    return otherwise;
  }

  private static MalformedFile malformed(TensorProto tensor, String what) {
    return new MalformedFile("the ONNX model's tensor " + tensor.getName() + " " + what);
  }

  private static UnsupportedModel unsupported(DataType type, TensorProto tensor) {
    return new UnsupportedModel(
        "tensor %s has the type %s, which is not supported; keep float32 in the model"
            .formatted(tensor.getName(), type));
  }

  /** The bytes of text. */
  static String text(ByteString bytes) {
    return bytes.toStringUtf8();
  }
}
