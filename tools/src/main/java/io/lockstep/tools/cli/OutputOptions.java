package io.lockstep.tools.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintWriter;
import picocli.CommandLine.Option;

/** Confined to its command. {@code --output}: tables for people, JSON for programs. */
final class OutputOptions {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  enum Format {
    table,
    json
  }

  @Option(
      names = "--output",
      paramLabel = "FORMAT",
      defaultValue = "table",
      description = "table or json (default: ${DEFAULT-VALUE})")
  private Format format = Format.table;

  boolean isJson() {
    return format == Format.json;
  }

  /** Prints {@code value} as JSON, or else the table. */
  void print(PrintWriter out, Object value, Table table) {
    if (!isJson()) {
      table.print(out);
      return;
    }
    try {
      out.println(JSON.writeValueAsString(value));
      out.flush();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("rows that are no JSON: " + value, e);
    }
  }
}
