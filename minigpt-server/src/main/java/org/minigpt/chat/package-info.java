/** Conversations: how they are written as a text, read from files, and made into what a model learns from. */
package org.minigpt.chat;
