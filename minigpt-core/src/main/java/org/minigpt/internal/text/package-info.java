/** What tokenizers and the readers of configurations share: JSON files, and GPT-2's alphabet of bytes. */
package org.minigpt.internal.text;
