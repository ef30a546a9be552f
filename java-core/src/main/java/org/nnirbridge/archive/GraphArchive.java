package org.nnirbridge.archive;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.List;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.file.MarkedFile;
import org.nnirbridge.nnir.Graph;

/** A model before it is compiled as the bytes of one file (nnir-file.md). */
public final class GraphArchive {
  private static final MarkedFile KIND =
      new MarkedFile("GR", 1, "stored model", "a file written by NNIR.save", "save it again");

  private GraphArchive() {}

  /** The file of a graph. */
  public static byte[] toBytes(Graph graph) {
    List<float[]> values = new ArrayList<>();
    byte[] json = GraphJson.write(graph, values);
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    content.writeBytes(length.putLong(json.length).array());
    content.writeBytes(json);
    try {
      TensorStream.write(values, Channels.newChannel(content));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    return KIND.around(content.toByteArray());
  }

  /**
   * The graph of a file. Reading runs no code from it.
   *
   * @throws MalformedFile when it is none, saying why
   */
  public static Graph fromBytes(byte[] file) {
    ByteBuffer content = KIND.contentOf(file);
    long jsonBytes = content.remaining() < Long.BYTES ? -1 : content.getLong();
    if (jsonBytes < 0 || jsonBytes > content.remaining()) {
      throw new MalformedFile("the stored model's graph does not fit its file");
    }
    byte[] json = new byte[(int) jsonBytes];
    content.get(json);
    byte[] tensors = new byte[content.remaining()];
    content.get(tensors);
    Graph graph = GraphJson.read(json, readTensors(tensors));
    GraphCheck.check(graph);
    return graph;
  }

  private static List<float[]> readTensors(byte[] stream) {
    try {
      return TensorStream.read(Channels.newChannel(new ByteArrayInputStream(stream)));
    } catch (IOException | RuntimeException e) {
      // Arrow refuses what is no stream of its own in as many ways as there are fields.
      throw new MalformedFile("the stored model's tensors are not a readable Arrow stream");
    }
  }
}
