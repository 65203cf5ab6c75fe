package io.lockstep.tools.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintWriter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Confined to its command. {@code --output}: tables for people, JSON for programs. */
final class OutputOptions {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  enum Format {
    table,
    json
  }

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--output",
      paramLabel = "FORMAT",
      defaultValue = "table",
      description = "table or json (default: ${DEFAULT-VALUE})")
  private Format format = Format.table;

  boolean isJson() {
    return format == Format.json;
  }

  /** Where the command prints what it was asked for. */
  PrintWriter out() {
    return command.commandLine().getOut();
  }

  /** Where it prints what is beside the answer. */
  PrintWriter err() {
    return command.commandLine().getErr();
  }

  /** Prints {@code value} as JSON, or else the table. */
  void print(Object value, Table table) {
    PrintWriter out = out();
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
