package org.nnirbridge.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.nnirbridge.diagnostic.MalformedFile;

/**
 * A kind of file that begins with a mark and a version and ends with the SHA-256 of all before it.
 *
 * @param letters two letters of the mark
 * @param version the only version that is read
 * @param noun what messages call it: {@code the snapshot}
 * @param origin where it comes from: {@code what VM.snapshot returned}
 * @param remedy how to make another: {@code take it again}
 */
public record MarkedFile(String letters, int version, String noun, String origin, String remedy) {
  /** The bytes before the content. */
  public static final int HEADER_BYTES = 8 + Integer.BYTES;

  /** The bytes behind the content. */
  public static final int DIGEST_BYTES = 32;

  /** The file of some content. */
  public byte[] around(byte[] content) {
    ByteBuffer file = ByteBuffer.allocate(HEADER_BYTES + content.length + DIGEST_BYTES);
    file.order(ByteOrder.LITTLE_ENDIAN);
    file.put(mark()).putInt(version).put(content);
    file.put(sha256(file.array(), file.position()));
    return file.array();
  }

  /**
   * The content of a file, little-endian, from position 0 to its limit.
   *
   * @throws MalformedFile when it is none of this kind and version, or damaged
   */
  public ByteBuffer contentOf(byte[] file) {
    if (!Arrays.equals(Arrays.copyOf(file, mark().length), mark())) {
      throw new MalformedFile(
          "not a %s: it does not start with its mark; give %s".formatted(noun, origin));
    }
    if (file.length < HEADER_BYTES + DIGEST_BYTES) {
      throw new MalformedFile(
          "the %s is cut short: it has only %d bytes".formatted(noun, file.length));
    }
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int found = bytes.getInt(mark().length);
    if (found != version) {
      throw new MalformedFile(
          "the %s has format version %d, this release reads version %d; %s"
              .formatted(noun, found, version, remedy));
    }
    int end = file.length - DIGEST_BYTES;
    if (!MessageDigest.isEqual(Arrays.copyOfRange(file, end, file.length), sha256(file, end))) {
      throw new MalformedFile(
          "the %s is damaged: its checksum does not match its content; copy it again, or %s"
              .formatted(noun, remedy));
    }
    return bytes.slice(HEADER_BYTES, end - HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** As in PNG: a byte that is no text, and line ends that careless transfers change. */
  private byte[] mark() {
    return ("\u0089NN" + letters + "\r\n\u001A").getBytes(StandardCharsets.ISO_8859_1);
  }

  /** The SHA-256 of the first bytes. */
  public static byte[] sha256(byte[] bytes, int length) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes, 0, length);
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
