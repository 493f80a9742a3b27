/**
 * Text and its way to token ids and back. Nothing here knows of models or training: ids are plain {@code int}s from 0
 * to the vocabulary size, exclusive.
 */
package org.minigpt.text;
