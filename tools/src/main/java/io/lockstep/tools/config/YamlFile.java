package io.lockstep.tools.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.lockstep.tools.IoReason;
import io.lockstep.tools.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;

/** Immutable. Reads a YAML file of keys and values; a key that stands twice is refused. */
public final class YamlFile {
  private static final long FILE_BYTES_MAX = 1 << 20;
  private static final ObjectMapper YAML =
      new ObjectMapper(new YAMLFactory())
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private YamlFile() {}

  public static Entries read(Path file) throws UserError {
    try {
      if (Files.size(file) > FILE_BYTES_MAX) {
        throw UserError.misuse("%s: larger than %d bytes", file, FILE_BYTES_MAX);
      }
      String text = Files.readString(file);
      Map<String, Object> values =
          text.isBlank() ? Map.of() : YAML.readValue(text, new TypeReference<>() {});
      return new Entries(file.toString(), values == null ? Map.of() : values);
    } catch (NoSuchFileException e) {
      throw UserError.misuse("%s: no such file", file);
    } catch (MismatchedInputException e) {
      throw UserError.misuse("%s: expected lines of KEY: VALUE, found a list or a text", file);
    } catch (JsonProcessingException e) {
      throw UserError.misuse("%s: not YAML: %s", file, firstLine(e));
    } catch (IOException e) {
      throw UserError.misuse("%s: cannot be read: %s", file, IoReason.of(e));
    }
  }

  private static String firstLine(JsonProcessingException e) {
    String message = e.getOriginalMessage().lines().findFirst().orElse("");
    var at = e.getLocation();
    return at == null
        ? message
        : message + ", line " + at.getLineNr() + " column " + at.getColumnNr();
  }
}
