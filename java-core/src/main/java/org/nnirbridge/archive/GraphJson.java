package org.nnirbridge.archive;

import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.deser.std.StdDeserializer;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import java.io.IOException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.nnirbridge.diagnostic.MalformedFile;
import org.nnirbridge.nnir.Graph;
import org.nnirbridge.nnir.Tensor;
import org.nnirbridge.nnir.op.Op;

/** A graph as JSON, in which a tensor is its shape and its place in a list of values. */
final class GraphJson {
  /** The operators are a closed family, so that a file can name no other class. */
  private static final List<NamedType> OPERATORS = operators(Op.class);

  private GraphJson() {}

  /** Names the operator in each of its objects. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "op")
  private interface NamedOperator {}

  private static List<NamedType> operators(Class<?> type) {
    List<NamedType> found = new ArrayList<>();
    if (type.isSealed()) {
      for (Class<?> permitted : type.getPermittedSubclasses()) {
        found.addAll(operators(permitted));
      }
    } else {
      found.add(new NamedType(type, type.getSimpleName()));
    }
    return found;
  }

  /** The JSON of a graph; its tensors' values are added to a list, shared ones once. */
  static byte[] write(Graph graph, List<float[]> values) {
    SimpleModule tensors = new SimpleModule();
    tensors.addSerializer(Tensor.class, new TensorWriter(values));
    try {
      return mapper(tensors).writeValueAsBytes(graph);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * The graph of some JSON.
   *
   * @throws MalformedFile when it is none, saying where
   */
  static Graph read(byte[] json, List<float[]> values) {
    SimpleModule tensors = new SimpleModule();
    tensors.addDeserializer(Tensor.class, new TensorReader(values));
    tensors.addDeserializer(float.class, new FloatReader());
    try {
      return mapper(tensors).readValue(json, Graph.class);
    } catch (JsonProcessingException e) {
      throw new MalformedFile("the stored model's graph is not valid: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new MalformedFile("the stored model's graph is not valid: " + e.getMessage());
    }
  }

  private static JsonMapper mapper(SimpleModule tensors) {
    JsonMapper mapper =
        JsonMapper.builder()
            .addModule(new Jdk8Module())
            .addModule(tensors)
            .addMixIn(Op.class, NamedOperator.class)
            .visibility(PropertyAccessor.GETTER, JsonAutoDetect.Visibility.NONE)
            .visibility(PropertyAccessor.IS_GETTER, JsonAutoDetect.Visibility.NONE)
            .visibility(PropertyAccessor.FIELD, JsonAutoDetect.Visibility.ANY)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .build();
    OPERATORS.forEach(mapper::registerSubtypes);
    return mapper;
  }

  /** Writes where a tensor's values are in the list. */
  private static final class TensorWriter extends StdSerializer<Tensor> {
    private static final long serialVersionUID = 1L;
    private final transient List<float[]> values;
    private final transient Map<float[], Integer> places = new IdentityHashMap<>();

    TensorWriter(List<float[]> values) {
      super(Tensor.class);
      this.values = values;
    }

    @Override
    public void serialize(Tensor tensor, JsonGenerator json, SerializerProvider provider)
        throws IOException {
      int place = places.computeIfAbsent(tensor.values(), key -> values.size());
      if (place == values.size()) {
        values.add(tensor.values());
      }
      json.writeStartObject();
      json.writeNumberField("tensor", place);
      json.writeObjectField("shape", tensor.shape());
      json.writeEndObject();
    }
  }

  private static final class TensorReader extends StdDeserializer<Tensor> {
    private static final long serialVersionUID = 1L;
    private final transient List<float[]> values;

    TensorReader(List<float[]> values) {
      super(Tensor.class);
      this.values = values;
    }

    @Override
    public Tensor deserialize(JsonParser json, DeserializationContext context) throws IOException {
      JsonNode fields = context.readTree(json);
      int place = fields.path("tensor").asInt(-1);
      if (place < 0 || place >= values.size()) {
        throw MismatchedInputException.from(
            json, Tensor.class, "there is no tensor " + fields.path("tensor"));
      }
      List<Integer> shape = new ArrayList<>();
      long size = 1;
      for (JsonNode extent : fields.path("shape")) {
        shape.add(extent.asInt(-1));
        size = Math.min(size * extent.asInt(-1), Integer.MAX_VALUE);
      }
      if (shape.stream().anyMatch(extent -> extent < 0) || size != values.get(place).length) {
        throw MismatchedInputException.from(
            json,
            Tensor.class,
            "tensor %d has %d values, which is not its shape %s"
                .formatted(place, values.get(place).length, fields.path("shape")));
      }
      return new Tensor(shape, values.get(place));
    }
  }

  /** Reads a float32 from its own digits; by way of a double it could be rounded twice. */
  private static final class FloatReader extends StdDeserializer<Float> {
    private static final long serialVersionUID = 1L;

    FloatReader() {
      super(float.class);
    }

    @Override
    public Float deserialize(JsonParser json, DeserializationContext context) throws IOException {
      try {
        return Float.parseFloat(json.getText());
      } catch (NumberFormatException e) {
        throw InvalidFormatException.from(json, "not a number", json.getText(), float.class);
      }
    }
  }
}
