package io.lockstep.tools.cli;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.check.MarkListing;
import io.lockstep.tools.check.MarkedObject;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.VolumeRow;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;

/** Confined to the main thread. {@code lockstep heal list VOLUME}. */
@Command(
    name = "list",
    description = {
      "Lists the files of a volume that have marks, on each member.",
      "DIRTY = a write may be in flight, HALF = being replaced, MISSED BY = members that lack "
          + "changes which are here. Files that are being written are always among them.",
      "Exit code 1 if a member could not be asked."
    },
    mixinStandardHelpOptions = true,
    footer = {"", "Example: lockstep heal list demo --output json"})
final class HealListCommand extends VolumeReport {
  @Override
  boolean report(AdminConnection connection, VolumeRow row, OutputOptions output)
      throws UserError, Outcome {
    List<MarkedObject> marked = new ArrayList<>();
    List<String> unasked = new ArrayList<>();
    for (SetConfigMessage set : row.getSetsList()) {
      MarkListing listing = new MarkListing(connection, set);
      marked.addAll(listing.list());
      unasked.addAll(listing.unasked());
    }
    output.print(marked, table(marked));
    unasked.forEach(who -> output.err().println("not listed: " + who));
    return unasked.isEmpty();
  }

  private static Table table(List<MarkedObject> marked) {
    Table table = new Table("SET", "MEMBER", "INODE", "FILE", "SIZE", "DIRTY", "HALF", "MISSED BY");
    for (MarkedObject object : marked) {
      table.row(
          object.set(),
          object.member() + " " + object.address(),
          object.inode(),
          object.file(),
          Words.bytes(object.size()),
          object.dirty() == null ? "-" : object.dirty(),
          object.half() ? "yes" : "-",
          object.missedBy().isEmpty()
              ? "-"
              : object.missedBy().stream().map(String::valueOf).collect(Collectors.joining(",")));
    }
    return table;
  }
}
