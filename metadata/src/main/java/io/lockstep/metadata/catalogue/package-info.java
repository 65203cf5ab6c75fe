/**
 * What the master knows besides names: volumes, replica sets and their configurations, daemons,
 * sessions and the answers they were given, objects of dead inodes. Pure: reads and changes the
 * store through {@code metadata.kv}, decides by what it is told, and touches nothing else.
 *
 * <p>{@link io.lockstep.metadata.catalogue.MasterState} runs on the log's updater thread; {@link
 * io.lockstep.metadata.catalogue.SetKeeper} is confined to the master agent.
 */
package io.lockstep.metadata.catalogue;
