import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.nnirbridge.numerics.Bf16;
import org.nnirbridge.numerics.Fp8E4M3;

/**
 * Converts the float32 values on standard input, big-endian, and then all FP8 values.
 *
 * <p>Writes for each float32 its BF16 rounded, its BF16 truncated (both as float32) and its FP8
 * bits; at last the 256 values of FP8 as float32.
 */
final class Conversions {
  public static void main(String[] arguments) throws IOException {
    ByteBuffer values = ByteBuffer.wrap(System.in.readAllBytes());
    try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out))) {
      while (values.hasRemaining()) {
        float value = values.getFloat();
        out.writeInt(Float.floatToRawIntBits(Bf16.round(value)));
        out.writeInt(Float.floatToRawIntBits(Bf16.truncate(value)));
        out.writeByte(Fp8E4M3.encode(value));
      }
      for (int code = 0; code < 256; code++) {
        out.writeInt(Float.floatToRawIntBits(Fp8E4M3.decode((byte) code)));
      }
    }
  }
}
